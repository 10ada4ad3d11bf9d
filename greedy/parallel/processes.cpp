#include "greedy/parallel/processes.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>

#include "core/error.hpp"
#include "core/log.hpp"
#include "kernels/plugin.hpp"

namespace gleam::greedy {

using namespace std::chrono_literals;

// ---- mail --------------------------------------------------------------------------------------------------------------------

void WireMail::send(int to, Letter letter) {
    sent_.remove_if([](Sent& s) { return s.size_message->done() && s.message->done(); });
    Sent& s = sent_.emplace_back(Sent{to, std::move(letter), 0, nullptr, nullptr});
    s.bytes = s.letter.size();
    s.size_message = wire_.send(to, Wire::letter_size, &s.bytes, sizeof s.bytes);
    s.message = wire_.send(to, Wire::letter, s.letter.data(), s.letter.size());
}

Letter WireMail::receive(int from) {
    std::uint64_t bytes = 0;
    wire_.wait(*wire_.receive(from, Wire::letter_size, &bytes, sizeof bytes), from, "waiting for mail");
    Letter letter(bytes);
    wire_.wait(*wire_.receive(from, Wire::letter, letter.data(), letter.size()), from, "waiting for mail");
    return letter;
}

void WireMail::finish() {
    for (Sent& s : sent_) {
        wire_.wait(*s.size_message, s.to, "sending mail");
        wire_.wait(*s.message, s.to, "sending mail");
    }
    sent_.clear();
}

// ---- connections -------------------------------------------------------------------------------------------------------------

namespace {

Letter as_letter(const std::string& text) {
    const auto* bytes = reinterpret_cast<const std::byte*>(text.data());
    return {bytes, bytes + text.size()};
}

std::string as_text(const Letter& letter) { return {reinterpret_cast<const char*>(letter.data()), letter.size()}; }

struct Direct {
    const DirectPlugin* plugin = nullptr;  // null: images go through the hosts' memory
    std::string gpu;
};

// What this process could be connected by. ConfigError or DeviceError where nccl is asked for and cannot be had.
Direct direct_plugin(kernels::Operations& ops, const std::string& transport) {
    const bool cuda = ops.device().kind == DeviceKind::cuda;
    if (transport == "nccl" && !cuda)
        throw ConfigError("parallel.transport", "is nccl, but the device is " + name_of(ops.device()),
                          "set it to auto or host, or device to cuda");
    if (transport == "host" || !cuda) return {};
    try {
        const auto* plugin = static_cast<const DirectPlugin*>(kernels::open_library("nccl"));
        return {plugin, plugin->gpu(ops)};
    } catch (const DeviceError& e) {
        if (transport == "nccl") throw;
        log_info("images go through the memory of the host: {}", e.what());
        return {};
    }
}

}  // namespace

// Both ends say on which GPU they are; the sender decides, and sends what the connection has in common, or an empty letter.
std::unique_ptr<Carrier> Processes::connect(int other, bool sender, kernels::Operations& ops, std::size_t bytes,
                                            const std::string& transport) {
    const Direct direct = direct_plugin(ops, transport);
    Letter connection;
    if (sender) {
        const std::string gpu = as_text(mail_.receive(other));
        if (direct.plugin && !gpu.empty() && gpu != direct.gpu) connection = direct.plugin->new_connection();
        if (connection.empty() && transport == "nccl")
            throw ConfigError(
                "parallel.transport",
                fmt::format("is nccl, but {} and {} have the same GPU", wire_->life().name(rank()), wire_->life().name(other)),
                "give each process a GPU of its own, or set it to auto or host");
        mail_.send(other, connection);
    } else {
        mail_.send(other, as_letter(direct.gpu));
        connection = mail_.receive(other);
    }
    if (connection.empty()) return std::make_unique<HostCarrier>(*wire_, other, ops, bytes);
    carried_by_ = "nccl";
    return direct.plugin->connect(ops, bytes, connection, sender, wire_->life().deadline());
}

std::unique_ptr<Peers> Processes::connect_peers(const Position& p, kernels::Operations& ops, std::size_t bytes,
                                                const std::string& transport) {
    const Direct direct = direct_plugin(ops, transport);
    std::vector<int> members;
    for (int replica = 0; replica < p.replicas; ++replica) members.push_back(replica * p.ranks + p.stage());
    Letter connection;
    if (p.replica() == 0) {
        std::vector<std::string> gpus{direct.gpu};
        for (const int m : members)
            if (m != p.number) gpus.push_back(as_text(mail_.receive(m)));
        std::sort(gpus.begin(), gpus.end());
        if (!gpus.front().empty() && std::adjacent_find(gpus.begin(), gpus.end()) == gpus.end())
            connection = direct.plugin->new_connection();
        for (const int m : members)
            if (m != p.number) mail_.send(m, connection);
    } else {
        mail_.send(members.front(), as_letter(direct.gpu));
        connection = mail_.receive(members.front());
    }
    if (connection.empty()) return std::make_unique<HostPeers>(*wire_, members, ops, bytes);
    return direct.plugin->connect_peers(ops, bytes, connection, p.replica(), p.replicas, wire_->life().deadline());
}

Ports Processes::open(const Position& p, kernels::Operations& ops, const ConnectionSizes& sizes, const std::string& transport,
                      std::vector<std::string> names) {
    wire_->life().name(std::move(names));
    prefix_ = log_prefix();
    if (!p.first())
        in_ = std::make_unique<EdgeReceiver>(*wire_, p.number - 1, connect(p.number - 1, false, ops, sizes.image, transport));
    if (!p.last())
        out_ = std::make_unique<EdgeSender>(*wire_, p.number + 1, connect(p.number + 1, true, ops, sizes.image, transport));
    if (p.replicas > 1) peers_ = connect_peers(p, ops, sizes.gradient, transport);
    return {in_.get(), out_.get(), peers_.get(), &mail_};
}

// ---- life and end ------------------------------------------------------------------------------------------------------------

Processes::Processes(std::unique_ptr<Wire> wire)
    : wire_(std::move(wire)), mail_(*wire_), prefix_(fmt::format("[rank {}] ", rank())) {
    watch_ = std::thread([this] { watch(); });
}

Processes::~Processes() {
    stop_ = true;
    if (watch_.joinable()) watch_.join();
}

// The thread that computes notices the loss of a process when it waits for it. If it does not, since it waits for a GPU that
// waits for another one, or computes for long, this one ends the job.
void Processes::watch() {
    const auto grace = std::min<std::chrono::milliseconds>(wire_->life().deadline(), 2000ms);
    while (!stop_) {
        std::this_thread::sleep_for(std::min<std::chrono::milliseconds>(wire_->life().pace(), 100ms));
        const auto loss = wire_->life().loss(grace);
        if (!loss || stop_) continue;
        log_prefix() = prefix_;
        end_job(static_cast<int>(ExitCode::communication),
                fmt::format("{}: lost: {}; the last checkpoint is intact: continue with --resume", wire_->life().name(loss->rank),
                            loss->why),
                true);
    }
}

// Nobody leaves before all have got everything.
void Processes::finish() {
    if (out_) out_->finish();
    for (int other = 0; other < count(); ++other)
        if (other != rank()) mail_.send(other, {});
    for (int other = 0; other < count(); ++other)
        if (other != rank()) mail_.receive(other);
    mail_.finish();
    stop_ = true;
    watch_.join();
    in_.reset();
    out_.reset();
    peers_.reset();
    wire_->finish();
}

void Processes::end_job(int code, const std::string& message, bool consequence) {
    while (ending_.exchange(true)) std::this_thread::sleep_for(1s);  // the other thread ends this process
    std::chrono::milliseconds patience = std::min(rank() * 150ms, 2000ms);
    if (const auto loss = wire_->life().loss(0ms); loss && consequence) {
        const int speaker = loss->rank == 0 ? 1 : 0;
        patience = rank() == speaker ? 0ms : patience + 2 * wire_->life().pace();
    }
    std::this_thread::sleep_for(patience);
    if (!wire_->ended(code)) log_info("error: {}", message);
    wire_->abort(code);
    std::abort();
}

}  // namespace gleam::greedy
