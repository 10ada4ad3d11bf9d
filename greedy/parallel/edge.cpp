#include "greedy/parallel/edge.hpp"

#include <fmt/format.h>

#include "core/error.hpp"

namespace gleam::greedy {
namespace {

// What a rank was doing when it heard nothing any more.
std::string waiting(const char* doing, std::uint64_t done, std::int64_t last_label) {
    return done == 0 ? fmt::format("{} the first image", doing)
                     : fmt::format("{} the image after {}", doing, label_text(last_label));
}

}  // namespace

// ---- receiving ---------------------------------------------------------------------------------------------------------------

EdgeReceiver::EdgeReceiver(Wire& wire, int from, std::unique_ptr<Carrier> carrier)
    : wire_(wire), from_(from), carrier_(std::move(carrier)) {
    for (std::size_t slot = 0; slot < slots; ++slot) post(slot);
}

void EdgeReceiver::post(std::size_t slot) {
    header_messages_[slot] = wire_.receive(from_, Wire::header, &headers_[slot], sizeof(EdgeHeader));
    carrier_->post(slot);
}

bool EdgeReceiver::more() {
    const std::size_t slot = taken_ % slots;
    wire_.wait(*header_messages_[slot], from_, waiting("waiting for", taken_, last_label_));
    return !headers_[slot].end;
}

Tensor EdgeReceiver::take(std::int64_t label, const Tensor& like) {
    if (!more()) throw InternalError("hand-off", "the rank before has ended");
    const std::size_t slot = taken_++ % slots;
    const EdgeHeader& header = headers_[slot];
    if (header.label != label || header.bytes != static_cast<std::int64_t>(like.bytes()))
        throw CommunicationError(wire_.life().name(wire_.rank()),
                                 fmt::format("{} of {} bytes came from {} where {} of {} bytes was due", label_text(header.label),
                                             header.bytes, wire_.life().name(from_), label_text(label), like.bytes()),
                                 "all ranks must have the same configuration and data");
    last_label_ = label;
    const Tensor image = carrier_->image(slot, like);
    carrier_->receive(slot, image, "receiving " + label_text(label));
    return image;
}

void EdgeReceiver::give_back() {
    post((taken_ - 1) % slots);
    if (credit_message_) wire_.wait(*credit_message_, from_, "giving back " + label_text(last_label_));
    credit_message_ = wire_.send(from_, Wire::credit, nullptr, 0);
}

// ---- sending -----------------------------------------------------------------------------------------------------------------

EdgeSender::EdgeSender(Wire& wire, int to, std::unique_ptr<Carrier> carrier)
    : wire_(wire), to_(to), carrier_(std::move(carrier)), credit_message_(wire.receive(to, Wire::credit, nullptr, 0)) {}

// Waits until all but so many of the images sent have been given back.
void EdgeSender::await_credit(std::uint64_t out) {
    while (sent_ - returned_ > out) {
        wire_.wait(*credit_message_, to_, waiting("waiting for room for", sent_, last_label_));
        credit_message_ = wire_.receive(to_, Wire::credit, nullptr, 0);
        ++returned_;
    }
}

Tensor EdgeSender::claim(const Tensor& like) {
    await_credit(slots - 1);
    const std::size_t slot = sent_ % slots;
    carrier_->finish(slot, "sending the image after " + label_text(last_label_));
    return images_[slot] = carrier_->image(slot, like);
}

void EdgeSender::send_header(const EdgeHeader& header) {
    const std::size_t slot = (sent_ + ended_) % slots;
    if (header_messages_[slot]) wire_.wait(*header_messages_[slot], to_, "sending " + label_text(header.label));
    headers_[slot] = header;
    header_messages_[slot] = wire_.send(to_, Wire::header, &headers_[slot], sizeof(EdgeHeader));
}

void EdgeSender::commit(std::int64_t label) {
    const std::size_t slot = sent_ % slots;
    carrier_->start(slot, images_[slot]);
    send_header({label, static_cast<std::int64_t>(images_[slot].bytes()), 0});
    last_label_ = label;
    ++sent_;
}

void EdgeSender::end() {
    await_credit(slots - 1);
    send_header({0, 0, 1});
    ++ended_;
}

void EdgeSender::finish() {
    await_credit(0);
    for (std::size_t slot = 0; slot < slots; ++slot) {
        carrier_->finish(slot, "ending");
        if (header_messages_[slot]) wire_.wait(*header_messages_[slot], to_, "ending");
    }
}

}  // namespace gleam::greedy
