#include "greedy/parallel/letters.hpp"

#include <cstring>

#include "core/error.hpp"

namespace gleam::greedy {
namespace {

// Appends the bytes of plain values, and takes them out in the same order.
class Packer {
public:
    template <class T>
    void put(const T* values, std::size_t count) {
        const auto* bytes = reinterpret_cast<const std::byte*>(values);
        letter.insert(letter.end(), bytes, bytes + count * sizeof(T));
    }
    template <class T>
    void put(const T& value) {
        put(&value, 1);
    }
    Letter letter;
};

class Unpacker {
public:
    explicit Unpacker(const Letter& letter) : letter_(letter) {}
    template <class T>
    void get(T* values, std::size_t count) {
        if (count * sizeof(T) > letter_.size() - at_) throw CommunicationError("mail", "a letter is too short");
        std::memcpy(values, letter_.data() + at_, count * sizeof(T));
        at_ += count * sizeof(T);
    }
    template <class T>
    T get() {
        T value;
        get(&value, 1);
        return value;
    }
    std::size_t left() const { return letter_.size() - at_; }

private:
    const Letter& letter_;
    std::size_t at_ = 0;
};

}  // namespace

void send_numbers(Mail& mail, int to, const std::vector<double>& numbers) {
    Packer p;
    p.put(numbers.data(), numbers.size());
    mail.send(to, std::move(p.letter));
}

std::vector<double> receive_numbers(Mail& mail, int from) {
    const Letter letter = mail.receive(from);
    std::vector<double> numbers(letter.size() / sizeof(double));
    Unpacker(letter).get(numbers.data(), numbers.size());
    return numbers;
}

void send_tensor(Mail& mail, int to, const CheckpointTensor& t) {
    Packer p;
    p.put(static_cast<std::uint64_t>(t.name.size()));
    p.put(t.name.data(), t.name.size());
    p.put(t.dtype);
    p.put(t.shape.rank());
    for (int i = 0; i < t.shape.rank(); ++i) p.put(t.shape[i]);
    p.put(t.bytes.data(), t.bytes.size());
    mail.send(to, std::move(p.letter));
}

void send_no_more(Mail& mail, int to) { mail.send(to, {}); }

bool receive_tensor(Mail& mail, int from, CheckpointTensor& t) {
    const Letter letter = mail.receive(from);
    if (letter.empty()) return false;
    Unpacker u(letter);
    t.name.resize(static_cast<std::size_t>(u.get<std::uint64_t>()));
    u.get(t.name.data(), t.name.size());
    t.dtype = u.get<DType>();
    const int rank = u.get<int>();
    t.shape = Shape{};
    for (int i = 0; i < rank; ++i) t.shape.append(u.get<std::int64_t>());
    t.bytes.resize(u.left());
    u.get(t.bytes.data(), t.bytes.size());
    return true;
}

}  // namespace gleam::greedy
