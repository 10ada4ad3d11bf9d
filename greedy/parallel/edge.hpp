// An edge between two processes. The sender has two slots and as many credits: to hand on an image takes one, and the receiver
// gives it back when it has read it. So neither memory nor messages pile up, and the first rank is at most two batches ahead of
// the second. The number of the batch travels in a header of its own, and is checked.
#pragma once

#include <array>
#include <memory>

#include "greedy/parallel/carrier.hpp"
#include "greedy/parallel/wire.hpp"

namespace gleam::greedy {

// What goes before an image, or says that none comes any more.
struct EdgeHeader {
    std::int64_t label = 0, bytes = 0;
    std::int64_t end = 0;
};

// Where images from process `from` come in.
class EdgeReceiver final : public Inbox {
public:
    EdgeReceiver(Wire& wire, int from, std::unique_ptr<Carrier> carrier);

    bool more() override;
    Tensor take(std::int64_t label, const Tensor& like) override;
    void give_back() override;

private:
    void post(std::size_t slot);

    Wire& wire_;
    int from_;
    std::unique_ptr<Carrier> carrier_;
    std::array<EdgeHeader, slots> headers_;
    std::array<std::unique_ptr<Wire::Message>, slots> header_messages_;
    std::unique_ptr<Wire::Message> credit_message_;
    std::uint64_t taken_ = 0;
    std::int64_t last_label_ = 0;
};

// Where images to process `to` go out.
class EdgeSender final : public Outbox {
public:
    EdgeSender(Wire& wire, int to, std::unique_ptr<Carrier> carrier);

    Tensor claim(const Tensor& like) override;
    void commit(std::int64_t label) override;
    void end() override;
    // Returns when the receiver has read everything.
    void finish();

private:
    void await_credit(std::uint64_t out);
    void send_header(const EdgeHeader& header);

    Wire& wire_;
    int to_;
    std::unique_ptr<Carrier> carrier_;
    std::array<Tensor, slots> images_;
    std::array<EdgeHeader, slots> headers_;
    std::array<std::unique_ptr<Wire::Message>, slots> header_messages_;
    std::unique_ptr<Wire::Message> credit_message_;
    std::uint64_t sent_ = 0, returned_ = 0, ended_ = 0;
    std::int64_t last_label_ = 0;
};

}  // namespace gleam::greedy
