// Messages between the processes of a job, which edges, mail and averages are made of: all that MPI and TCP do differently.
#pragma once

#include <memory>
#include <string>

#include "greedy/parallel/life.hpp"

namespace gleam::greedy {

class Wire {
public:
    // What a message belongs to. Those of one channel from one process to another come in order.
    enum Channel : int { header = 1, image, credit, letter_size, letter, gradient, sign_of_life, end_of_job };

    // A message under way. Its memory belongs to it meanwhile; to end it earlier takes it back.
    class Message {
    public:
        virtual ~Message() = default;
        virtual bool done() = 0;
    };

    virtual ~Wire() = default;
    virtual int rank() const = 0;
    virtual int count() const = 0;
    // Who gives signs of life.
    virtual SignsOfLife& life() = 0;

    // Neither waits. What is received must have as many bytes as were sent, or fewer than `room` on channel image.
    virtual std::unique_ptr<Message> send(int to, Channel channel, const void* data, std::size_t bytes) = 0;
    virtual std::unique_ptr<Message> receive(int from, Channel channel, void* data, std::size_t room) = 0;
    // Waits until the message is done, without keeping a core busy. CommunicationError when process `other`, on which that
    // depends, is lost or silent; `what` says what this process was doing.
    virtual void wait(Message& message, int other, const std::string& what) = 0;

    // Called by all, once nothing is under way any more: they may leave from here on.
    virtual void finish() = 0;
    // Whether another process has ended the job, and said so, with what exit code.
    virtual bool ended(int& code) const = 0;
    // Ends all processes with this exit code, this one at once.
    [[noreturn]] virtual void abort(int code) = 0;
};

}  // namespace gleam::greedy
