#include "greedy/parallel/mpi/mpi_transport.hpp"

#include <fmt/format.h>

#include <array>
#include <limits>

#include "core/error.hpp"

namespace gleam::greedy {
namespace {

enum Tag : int { header_tag = 1, image_tag, mail_tag, life_tag };
constexpr std::size_t slots = 2;
constexpr const char* remedy = "the last checkpoint is intact: continue with --resume";

void check(int status, const char* what) {
    if (status == MPI_SUCCESS) return;
    char text[MPI_MAX_ERROR_STRING] = "";
    int length = 0;
    MPI_Error_string(status, text, &length);
    throw CommunicationError(std::string("MPI, ") + what, text, remedy);
}

bool finished(MPI_Request& request) {
    int done = 0;
    check(MPI_Test(&request, &done, MPI_STATUS_IGNORE), "looking for a message");
    return done != 0;
}

int count_of(std::size_t bytes) {
    if (bytes > static_cast<std::size_t>(std::numeric_limits<int>::max()))
        throw CommunicationError("MPI", "images above 2 GiB cannot be handed on", "lower training.batch");
    return static_cast<int>(bytes);
}

// What goes before an image.
struct Header {
    std::int64_t label = 0, bytes = 0;
    bool end = false;
};

// Memory of an edge's slots: the device's and, where MPI cannot reach that, as much of the host's.
class Buffers {
public:
    Buffers(kernels::Operations& ops, std::size_t image_bytes)
        : ops_(ops), bytes_((image_bytes + memory_alignment - 1) / memory_alignment * memory_alignment) {
        void* data = ops.allocator().allocate(slots * bytes_);
        if (!data) throw OutOfMemoryError("hand-off", "the device could not give " + format_bytes(slots * bytes_));
        device_ = Memory(ops.allocator(), data, slots * bytes_);
        if (ops.device().kind != DeviceKind::cpu) host_.resize(slots * bytes_);
    }
    std::size_t bytes() const { return bytes_; }
    Tensor device(std::size_t slot, const Tensor& like) const {
        if (like.bytes() > bytes_) throw InternalError("hand-off", "an image is larger than planned");
        Tensor t = like;
        t.data = static_cast<char*>(device_.data()) + slot * bytes_;
        return t;
    }
    // Where MPI reads and writes.
    void* wire(std::size_t slot) {
        return host_.empty() ? static_cast<void*>(static_cast<char*>(device_.data()) + slot * bytes_)
                             : host_.data() + slot * bytes_;
    }
    void to_wire(std::size_t slot, const Tensor& image) {
        if (!host_.empty()) ops_.copy(image, on_host(slot, image));
    }
    void from_wire(std::size_t slot, const Tensor& image) {
        if (!host_.empty()) ops_.copy(on_host(slot, image), image);
    }

private:
    Tensor on_host(std::size_t slot, const Tensor& like) {
        return {host_.data() + slot * bytes_, like.dtype, like.shape, Device{}};
    }

    kernels::Operations& ops_;
    std::size_t bytes_;
    Memory device_;
    std::vector<std::byte> host_;
};

}  // namespace

// ---- signs of life -----------------------------------------------------------------------------------------------------------

Heartbeat::Heartbeat(int rank, int count, std::chrono::milliseconds deadline)
    : rank_(rank), count_(count), deadline_(deadline), seen_(static_cast<std::size_t>(count)) {
    for (auto& seen : seen_) seen = Clock::now().time_since_epoch().count();
    thread_ = std::thread([this] { run(); });
}

Heartbeat::~Heartbeat() {
    {
        const std::lock_guard lock(mutex_);
        stop_ = true;
    }
    changed_.notify_all();
    thread_.join();
}

// Messages without contents; those that nobody has taken yet are few, since all take them at this pace.
void Heartbeat::run() {
    std::unique_lock lock(mutex_);
    while (!changed_.wait_for(lock, deadline_ / 8, [&] { return stop_; })) {
        for (int other = 0; other < count_; ++other) {
            MPI_Request request = MPI_REQUEST_NULL;
            if (other == rank_) continue;
            if (MPI_Isend(nullptr, 0, MPI_BYTE, other, life_tag, MPI_COMM_WORLD, &request) == MPI_SUCCESS)
                MPI_Request_free(&request);
        }
        for (int there = 1; there != 0;) {
            MPI_Status status;
            if (MPI_Iprobe(MPI_ANY_SOURCE, life_tag, MPI_COMM_WORLD, &there, &status) != MPI_SUCCESS || !there) break;
            MPI_Recv(nullptr, 0, MPI_BYTE, status.MPI_SOURCE, life_tag, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
            seen_[static_cast<std::size_t>(status.MPI_SOURCE)] = Clock::now().time_since_epoch().count();
        }
    }
}

void Heartbeat::require_alive(int other, const std::string& what) const {
    const Clock::duration silent =
        Clock::now().time_since_epoch() - Clock::duration(seen_[static_cast<std::size_t>(other)].load());
    if (silent > deadline_)
        throw CommunicationError(fmt::format("rank {}", rank_),
                                 fmt::format("rank {} has given no sign of life for {:.1f} s ({})", other,
                                             std::chrono::duration<double>(silent).count(), what),
                                 remedy);
}

// ---- edges -------------------------------------------------------------------------------------------------------------------

class MpiTransport::Receiver final : public Inbox {
public:
    Receiver(Heartbeat& life, int rank, kernels::Operations& ops, std::size_t image_bytes)
        : life_(life), rank_(rank), buffers_(ops, image_bytes) {
        for (std::size_t slot = 0; slot < slots; ++slot) post(slot);
    }
    Receiver(const Receiver&) = delete;
    Receiver& operator=(const Receiver&) = delete;
    ~Receiver() override {
        for (auto* requests : {&header_requests_, &image_requests_})
            for (MPI_Request& request : *requests) {
                if (request == MPI_REQUEST_NULL) continue;
                MPI_Cancel(&request);
                MPI_Wait(&request, MPI_STATUS_IGNORE);
            }
    }

    bool more() override {
        const std::size_t slot = taken_ % slots;
        life_.wait(rank_ - 1, fmt::format("waiting for batch {}", taken_ + 1), [&] { return finished(header_requests_[slot]); });
        return !headers_[slot].end;
    }
    Tensor take(std::int64_t label, const Tensor& like) override {
        if (!more()) throw InternalError("hand-off", "the rank before has ended");
        const std::size_t slot = taken_++ % slots;
        if (headers_[slot].label != label || headers_[slot].bytes != static_cast<std::int64_t>(like.bytes()))
            throw CommunicationError(fmt::format("rank {}", rank_),
                                     fmt::format("batch {} of {} bytes came where {} of {} bytes was due", headers_[slot].label,
                                                 headers_[slot].bytes, label, like.bytes()),
                                     "all ranks must have the same configuration and data");
        life_.wait(rank_ - 1, fmt::format("receiving batch {}", taken_), [&] { return finished(image_requests_[slot]); });
        const Tensor image = buffers_.device(slot, like);
        buffers_.from_wire(slot, image);
        return image;
    }
    void give_back() override { post((taken_ - 1) % slots); }

private:
    void post(std::size_t slot) {
        check(
            MPI_Irecv(&headers_[slot], sizeof(Header), MPI_BYTE, rank_ - 1, header_tag, MPI_COMM_WORLD, &header_requests_[slot]),
            "posting a receive");
        check(MPI_Irecv(buffers_.wire(slot), count_of(buffers_.bytes()), MPI_BYTE, rank_ - 1, image_tag, MPI_COMM_WORLD,
                        &image_requests_[slot]),
              "posting a receive");
    }

    Heartbeat& life_;
    int rank_;
    Buffers buffers_;
    std::array<Header, slots> headers_;
    std::array<MPI_Request, slots> header_requests_{MPI_REQUEST_NULL, MPI_REQUEST_NULL},
        image_requests_{MPI_REQUEST_NULL, MPI_REQUEST_NULL};
    std::uint64_t taken_ = 0;
};

class MpiTransport::Sender final : public Outbox {
public:
    Sender(Heartbeat& life, int rank, kernels::Operations& ops, std::size_t image_bytes)
        : life_(life), rank_(rank), ops_(ops), buffers_(ops, image_bytes) {}

    Tensor claim(const Tensor& like) override {
        const std::size_t slot = sent_ % slots;
        wait_for(slot);
        return images_[slot] = buffers_.device(slot, like);
    }
    void commit(std::int64_t label) override {
        const std::size_t slot = sent_ % slots;
        buffers_.to_wire(slot, images_[slot]);
        send(slot, {label, static_cast<std::int64_t>(images_[slot].bytes()), false});
        check(MPI_Isend(buffers_.wire(slot), count_of(images_[slot].bytes()), MPI_BYTE, rank_ + 1, image_tag, MPI_COMM_WORLD,
                        &image_requests_[slot]),
              "sending an image");
        ++sent_;
    }
    void end() override {
        const std::size_t slot = sent_ % slots;
        wait_for(slot);
        send(slot, {0, 0, true});
        ++sent_;
    }
    void finish() {
        for (std::size_t slot = 0; slot < slots; ++slot) wait_for(slot);
    }

private:
    void wait_for(std::size_t slot) {
        life_.wait(rank_ + 1, fmt::format("waiting for room for batch {}", sent_ + 1),
                   [&] { return finished(header_requests_[slot]) && finished(image_requests_[slot]); });
    }
    void send(std::size_t slot, const Header& header) {
        headers_[slot] = header;
        check(
            MPI_Isend(&headers_[slot], sizeof(Header), MPI_BYTE, rank_ + 1, header_tag, MPI_COMM_WORLD, &header_requests_[slot]),
            "sending an image");
    }

    Heartbeat& life_;
    int rank_;
    kernels::Operations& ops_;
    Buffers buffers_;
    std::array<Tensor, slots> images_;
    std::array<Header, slots> headers_;
    std::array<MPI_Request, slots> header_requests_{MPI_REQUEST_NULL, MPI_REQUEST_NULL},
        image_requests_{MPI_REQUEST_NULL, MPI_REQUEST_NULL};
    std::uint64_t sent_ = 0;
};

// ---- mail
// ------------------------------------------------------------------------------------------------------------------------

class MpiTransport::Letters final : public Mail {
public:
    explicit Letters(Heartbeat& life) : life_(life) {}

    void send(int to, Letter letter) override {
        sent_.remove_if([](Sent& s) { return finished(s.request); });
        Sent& s = sent_.emplace_back(Sent{to, std::move(letter), MPI_REQUEST_NULL});
        check(MPI_Isend(s.letter.data(), count_of(s.letter.size()), MPI_BYTE, to, mail_tag, MPI_COMM_WORLD, &s.request),
              "sending mail");
    }
    Letter receive(int from) override {
        MPI_Status status;
        life_.wait(from, "waiting for mail", [&] {
            int there = 0;
            check(MPI_Iprobe(from, mail_tag, MPI_COMM_WORLD, &there, &status), "looking for mail");
            return there != 0;
        });
        int bytes = 0;
        MPI_Get_count(&status, MPI_BYTE, &bytes);
        Letter letter(static_cast<std::size_t>(bytes));
        check(MPI_Recv(letter.data(), bytes, MPI_BYTE, from, mail_tag, MPI_COMM_WORLD, MPI_STATUS_IGNORE), "receiving mail");
        return letter;
    }
    void finish() {
        for (Sent& s : sent_) life_.wait(s.to, "sending mail", [&] { return finished(s.request); });
        sent_.clear();
    }

private:
    struct Sent {
        int to;
        Letter letter;
        MPI_Request request;
    };
    Heartbeat& life_;
    std::list<Sent> sent_;
};

// ---- the job
// ---------------------------------------------------------------------------------------------------------------------

MpiTransport::MpiTransport(std::chrono::milliseconds deadline) {
    int provided = 0;
    check(MPI_Init_thread(nullptr, nullptr, MPI_THREAD_MULTIPLE, &provided), "starting");
    if (provided < MPI_THREAD_MULTIPLE)
        throw CommunicationError("MPI", "this library does not let several threads call it",
                                 "use one built with MPI_THREAD_MULTIPLE");
    MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_RETURN);
    MPI_Comm_rank(MPI_COMM_WORLD, &rank_);
    MPI_Comm_size(MPI_COMM_WORLD, &count_);
    heartbeat_ = std::make_unique<Heartbeat>(rank_, count_, deadline);
    mail_ = std::make_unique<Letters>(*heartbeat_);
}

MpiTransport::~MpiTransport() = default;

Ports MpiTransport::open(kernels::Operations& ops, std::size_t image_bytes) {
    if (rank_ > 0) in_ = std::make_unique<Receiver>(*heartbeat_, rank_, ops, image_bytes);
    if (rank_ + 1 < count_) out_ = std::make_unique<Sender>(*heartbeat_, rank_, ops, image_bytes);
    return {rank_, count_, in_.get(), out_.get(), mail_.get()};
}

// Nobody leaves before all have got everything.
void MpiTransport::finish() {
    if (out_) out_->finish();
    mail_->finish();
    for (int other = 0; other < count_; ++other)
        if (other != rank_) mail_->send(other, {});
    for (int other = 0; other < count_; ++other)
        if (other != rank_) mail_->receive(other);
    mail_->finish();
    in_.reset();
    out_.reset();
    heartbeat_.reset();
    MPI_Barrier(MPI_COMM_WORLD);
    for (int there = 1; there != 0;) {  // signs of life that nobody waits for any more
        MPI_Status status;
        MPI_Iprobe(MPI_ANY_SOURCE, life_tag, MPI_COMM_WORLD, &there, &status);
        if (there) MPI_Recv(nullptr, 0, MPI_BYTE, status.MPI_SOURCE, life_tag, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
    }
    MPI_Finalize();
}

void MpiTransport::abort(int code) {
    MPI_Abort(MPI_COMM_WORLD, code);
    std::_Exit(code);
}

}  // namespace gleam::greedy
