#include "greedy/parallel/nccl/nccl_link.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <cstring>
#include <thread>

#include "core/error.hpp"
#include "greedy/parallel/averaging.hpp"

namespace gleam::greedy::nccl {
namespace {

constexpr const char* remedy = "the last checkpoint is intact: continue with --resume; parallel.transport=host does without NCCL";

void require(cudaError_t status, const char* what) {
    if (status != cudaSuccess) throw DeviceError(std::string("CUDA, ") + what, cudaGetErrorString(status), remedy);
}

}  // namespace

Letter new_connection() {
    ncclUniqueId id;
    if (const ncclResult_t result = ncclGetUniqueId(&id); result != ncclSuccess)
        throw CommunicationError("NCCL, making a connection", ncclGetErrorString(result), remedy);
    Letter letter(sizeof id);
    std::memcpy(letter.data(), &id, sizeof id);
    return letter;
}

std::string gpu_name(kernels::Operations& ops) {
    char host[256] = "", bus[64] = "";
    ::gethostname(host, sizeof host - 1);
    require(cudaDeviceGetPCIBusId(bus, sizeof bus, ops.device().index), "asking for the bus of the GPU");
    return fmt::format("{} {}", host, bus);
}

StreamEvent::StreamEvent() { require(cudaEventCreateWithFlags(&event_, cudaEventDisableTiming), "making an event"); }

StreamEvent::~StreamEvent() { cudaEventDestroy(event_); }

void StreamEvent::record(cudaStream_t stream) { require(cudaEventRecord(event_, stream), "recording an event"); }

void StreamEvent::hold_back(cudaStream_t stream) const {
    require(cudaStreamWaitEvent(stream, event_, 0), "waiting for an event");
}

// ---- a communicator ----------------------------------------------------------------------------------------------------------

Link::Link(kernels::Operations& ops, const Letter& connection, int member, int count, std::chrono::milliseconds deadline)
    : computing_(static_cast<cudaStream_t>(ops.queue())) {
    ncclUniqueId id;
    if (connection.size() != sizeof id) throw CommunicationError("NCCL", "the connection is of another version", remedy);
    std::memcpy(&id, connection.data(), sizeof id);
    require(cudaSetDevice(ops.device().index), "choosing the GPU");
    require(cudaStreamCreateWithFlags(&stream_, cudaStreamNonBlocking), "making a stream");
    ncclConfig_t config = NCCL_CONFIG_INITIALIZER;
    config.blocking = 0;
    ncclResult_t state = ncclCommInitRankConfig(&communicator_, count, id, member, &config);
    const auto end = std::chrono::steady_clock::now() + deadline;
    while (state == ncclInProgress || state == ncclSuccess) {
        if (communicator_) ncclCommGetAsyncError(communicator_, &state);
        if (state == ncclSuccess) return;
        if (std::chrono::steady_clock::now() > end)
            throw CommunicationError("NCCL, connecting", "the other GPU does not answer", remedy);
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    throw CommunicationError("NCCL, connecting", ncclGetErrorString(state), remedy);
}

// Whatever is still under way belongs to a job that ends.
Link::~Link() {
    if (communicator_) ncclCommAbort(communicator_);
    if (stream_) cudaStreamDestroy(stream_);
}

// Calls of a communicator that does not block may still be in progress when they return; those of a group when it ends.
void Link::check(ncclResult_t result, const char* what) {
    if (grouped_ && result == ncclSuccess) return;
    while (result == ncclInProgress || result == ncclSuccess) {
        ncclResult_t state = ncclSuccess;
        ncclCommGetAsyncError(communicator_, &state);
        if (state == ncclSuccess) return;
        result = state;
        if (state == ncclInProgress) std::this_thread::sleep_for(std::chrono::microseconds(50));
    }
    throw CommunicationError(std::string("NCCL, ") + what, ncclGetErrorString(result), remedy);
}

void Link::send(const void* data, std::size_t bytes, int to) {
    check(ncclSend(data, bytes, ncclInt8, to, communicator_, stream_), "sending");
}

void Link::receive(void* data, std::size_t bytes, int from) {
    check(ncclRecv(data, bytes, ncclInt8, from, communicator_, stream_), "receiving");
}

void Link::group_begin() {
    check(ncclGroupStart(), "beginning a group");
    grouped_ = true;
}

void Link::group_end() {
    grouped_ = false;
    check(ncclGroupEnd(), "ending a group");
}

// ---- images ------------------------------------------------------------------------------------------------------------------

NcclCarrier::NcclCarrier(kernels::Operations& ops, std::size_t image_bytes, const Letter& connection, bool sender,
                         std::chrono::milliseconds deadline)
    : Carrier(ops, image_bytes), link_(ops, connection, sender ? 0 : 1, 2, deadline) {}

void NcclCarrier::start(std::size_t slot, const Tensor& image) {
    written_.record(link_.computing());
    written_.hold_back(link_.stream());
    link_.send(image.data, image.bytes(), 1);
    sent_[slot].record(link_.stream());
}

void NcclCarrier::finish(std::size_t slot, const std::string&) { sent_[slot].hold_back(link_.computing()); }

void NcclCarrier::post(std::size_t slot) { read_[slot].record(link_.computing()); }

void NcclCarrier::receive(std::size_t slot, const Tensor& image, const std::string&) {
    read_[slot].hold_back(link_.stream());
    link_.receive(image.data, image.bytes(), 0);
    arrived_.record(link_.stream());
    arrived_.hold_back(link_.computing());
}

// ---- gradients ---------------------------------------------------------------------------------------------------------------

NcclPeers::NcclPeers(kernels::Operations& ops, std::size_t gradient_bytes, const Letter& connection, int index, int count,
                     std::chrono::milliseconds deadline)
    : ops_(ops), link_(ops, connection, index, count, deadline), own_(index), count_(count) {
    scratch_ = device_memory(ops, share_scratch_bytes(gradient_bytes, count), "replicas");
}

void NcclPeers::average(const Tensor& values) {
    average_by_shares(
        ops_, values, own_, count_, scratch_.data(), scratch_.bytes(),
        [this](const std::vector<Tensor>& outgoing, const std::vector<Tensor>& incoming) { exchange(outgoing, incoming); });
}

void NcclPeers::exchange(const std::vector<Tensor>& outgoing, const std::vector<Tensor>& incoming) {
    computed_.record(link_.computing());
    computed_.hold_back(link_.stream());
    link_.group_begin();
    for (int m = 0; m < count_; ++m) {
        if (m == own_) continue;
        const auto place = static_cast<std::size_t>(m);
        link_.send(outgoing[place].data, outgoing[place].bytes(), m);
        link_.receive(incoming[place].data, incoming[place].bytes(), m);
    }
    link_.group_end();
    exchanged_.record(link_.stream());
    exchanged_.hold_back(link_.computing());
}

}  // namespace gleam::greedy::nccl
