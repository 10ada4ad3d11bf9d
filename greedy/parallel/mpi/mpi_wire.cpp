#include "greedy/parallel/mpi/mpi_wire.hpp"

#include <cstdlib>
#include <limits>

#include "core/error.hpp"

namespace gleam::greedy {
namespace {

void check(int status, const char* what) {
    if (status == MPI_SUCCESS) return;
    char text[MPI_MAX_ERROR_STRING] = "";
    int length = 0;
    MPI_Error_string(status, text, &length);
    throw CommunicationError(std::string("MPI, ") + what, text, "the last checkpoint is intact: continue with --resume");
}

int count_of(std::size_t bytes) {
    if (bytes > static_cast<std::size_t>(std::numeric_limits<int>::max()))
        throw CommunicationError("MPI", "messages above 2 GiB cannot be sent", "lower training.batch");
    return static_cast<int>(bytes);
}

class Pending final : public Wire::Message {
public:
    explicit Pending(bool sent) : sent_(sent) {}
    Pending(const Pending&) = delete;
    Pending& operator=(const Pending&) = delete;
    // What was sent and has not gone out is only given up when the job ends.
    ~Pending() override {
        if (request == MPI_REQUEST_NULL) return;
        if (sent_) {
            MPI_Request_free(&request);
            return;
        }
        MPI_Cancel(&request);
        MPI_Wait(&request, MPI_STATUS_IGNORE);
    }
    bool done() override {
        int done = 0;
        check(MPI_Test(&request, &done, MPI_STATUS_IGNORE), "looking for a message");
        return done != 0;
    }
    MPI_Request request = MPI_REQUEST_NULL;

private:
    bool sent_;
};

}  // namespace

MpiWire::MpiWire(std::chrono::milliseconds deadline) {
    // Open MPI between processes that must not read one another's memory: pieces of a message of 128 KiB instead of 32 KiB, since
    // few of them move at every look. Much larger ones do not fit into its shared memory.
    ::setenv("OMPI_MCA_btl_vader_max_send_size", "131072", 0);
    int provided = 0;
    check(MPI_Init_thread(nullptr, nullptr, MPI_THREAD_MULTIPLE, &provided), "starting");
    if (provided < MPI_THREAD_MULTIPLE)
        throw CommunicationError("MPI", "this library does not let several threads call it",
                                 "use one built with MPI_THREAD_MULTIPLE");
    MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_RETURN);
    MPI_Comm_rank(MPI_COMM_WORLD, &rank_);
    MPI_Comm_size(MPI_COMM_WORLD, &count_);
    life_ = std::make_unique<SignsOfLife>(rank_, count_, deadline);
    thread_ = std::thread([this] { run(); });
}

MpiWire::~MpiWire() { stop(); }

void MpiWire::stop() {
    {
        const std::lock_guard lock(mutex_);
        stop_ = true;
    }
    changed_.notify_all();
    if (thread_.joinable()) thread_.join();
}

std::unique_ptr<Wire::Message> MpiWire::send(int to, Channel channel, const void* data, std::size_t bytes) {
    auto message = std::make_unique<Pending>(true);
    check(MPI_Isend(data, count_of(bytes), MPI_BYTE, to, channel, MPI_COMM_WORLD, &message->request), "sending");
    return message;
}

std::unique_ptr<Wire::Message> MpiWire::receive(int from, Channel channel, void* data, std::size_t room) {
    auto message = std::make_unique<Pending>(false);
    check(MPI_Irecv(data, count_of(room), MPI_BYTE, from, channel, MPI_COMM_WORLD, &message->request), "posting a receive");
    return message;
}

void MpiWire::wait(Message& message, int other, const std::string& what) {
    for (int pause = 10; !message.done(); pause = pause < 200 ? 2 * pause : pause) {
        life_->require(other, what);
        std::this_thread::sleep_for(std::chrono::microseconds(pause));
    }
}

// Signs of life are messages without contents; those that nobody has taken yet are few, since all take them all the time. To look
// for them lets MPI move what else is under way, also while the other thread computes: large messages only move in its calls.
void MpiWire::run() {
    constexpr std::chrono::microseconds between_looks{300};
    auto next_sign = SignsOfLife::Clock::now();
    std::unique_lock lock(mutex_);
    while (!changed_.wait_for(lock, between_looks, [&] { return stop_; })) {
        take_signs();
        take_end();
        if (SignsOfLife::Clock::now() < next_sign) continue;
        next_sign = SignsOfLife::Clock::now() + life_->pace();
        life_->tick();
        tell_all(sign_of_life, nullptr);
    }
}

void MpiWire::tell_all(Channel channel, const int* code) {
    for (int other = 0; other < count_; ++other) {
        MPI_Request request = MPI_REQUEST_NULL;
        if (other == rank_) continue;
        if (MPI_Isend(code, code ? 1 : 0, MPI_INT, other, channel, MPI_COMM_WORLD, &request) == MPI_SUCCESS)
            MPI_Request_free(&request);
    }
}

void MpiWire::take_end() {
    int there = 0, code = 0;
    MPI_Status status;
    if (MPI_Iprobe(MPI_ANY_SOURCE, end_of_job, MPI_COMM_WORLD, &there, &status) != MPI_SUCCESS || !there) return;
    MPI_Recv(&code, 1, MPI_INT, status.MPI_SOURCE, end_of_job, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
    ended_with_ = code;
}

void MpiWire::take_signs() {
    for (int there = 1; there != 0;) {
        MPI_Status status;
        if (MPI_Iprobe(MPI_ANY_SOURCE, Channel::sign_of_life, MPI_COMM_WORLD, &there, &status) != MPI_SUCCESS || !there) return;
        MPI_Recv(nullptr, 0, MPI_BYTE, status.MPI_SOURCE, Channel::sign_of_life, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
        life_->heard(status.MPI_SOURCE);
    }
}

void MpiWire::finish() {
    stop();
    MPI_Barrier(MPI_COMM_WORLD);
    take_signs();  // that nobody waits for any more
    MPI_Finalize();
}

bool MpiWire::ended(int& code) const {
    const int theirs = ended_with_;
    if (theirs != 0) code = theirs;
    return theirs != 0;
}

// The others are told first: MPI takes its time to end them, and they would report the same once more.
void MpiWire::abort(int code) {
    int known = code;
    if (!ended(known)) tell_all(end_of_job, &code);
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    MPI_Abort(MPI_COMM_WORLD, code);
    std::_Exit(code);
}

}  // namespace gleam::greedy
