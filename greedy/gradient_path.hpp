// The consecutive unrolls through which one gradient passes: those of a module (greedy), or of the whole network (end to end).
// How the forward pass leaves behind what the backward pass needs is the same choice for both:
//
//   keep        everything is kept on one tape
//   checkpoint  only images are kept, every so many unrolls; each piece is computed once more, from its stored input, when the
//               gradient arrives at its output (Chen et al. 2016). The gradient is the same, to the bit.
//   invert      most of these images are not kept either, but recovered from the output by running the unroll backwards
//               (Unroll::inverse; Kellman et al. 2020, memory-efficient learning). The gradient is as good as they are.
//
// So the activations of a single piece are alive at a time. Stored images and the gradient between pieces are hand-off images.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "greedy/stage.hpp"
#include "greedy/step_memory.hpp"

namespace gleam::greedy {

// What is computed again in the backward pass. The default is nothing: everything is kept.
struct Recomputation {
    int unrolls = 0;                   // unrolls computed again at a time; 0: none
    std::vector<bool> recovered = {};  // by number of unroll: its input is recovered rather than stored; needs unrolls = 1
    int iterations = 5;                // of the fixed-point iteration that does so

    bool recovers(int unroll) const {
        const auto number = static_cast<std::size_t>(unroll);
        return number < recovered.size() && recovered[number];
    }
};

class GradientPath {
public:
    // Called with every image that is computed with once more, and the number of the unroll that takes it.
    using Observer = std::function<void(int unroll, const Tensor& input)>;

    // All unrolls of `stages`, in order. Hand-off images from number `first_slot` on are its own.
    GradientPath(std::string name, const std::vector<const Stage*>& stages, const Recomputation& recomputation,
                 StepMemory& memory, int first_slot);

    // Called with the number of a piece before and after what adds to the gradients of its parameters; the last piece is first.
    struct Surroundings {
        std::function<void(int piece)> before, after;
    };

    // One forward pass from image x, the loss of the result, and one backward pass: adds `share` times the loss to `value` and
    // `share` times its gradient to those of the parameters. `handed_on`, if given, becomes the result.
    void run(const Tensor& x, const Batch& batch, const modules::Loss& loss, double share, const Tensor& value,
             const Tensor* handed_on, const Surroundings& surroundings = {});

    void observe(Observer observer) { observer_ = std::move(observer); }
    // The numbers of the unrolls whose inputs are recovered.
    std::vector<int> recovered() const;

private:
    // A piece of the path that is computed as a whole.
    struct Piece {
        std::vector<std::pair<const Stage*, int>> unrolls;
        int number;      // of its first unroll
        bool recovered;  // its input is
        int slot;        // of its input, if that is stored
    };
    Var forward(modules::Context& context, const Piece& piece, Var x, const Batch& batch) const;
    // The output of piece p, into the slot where the next one or the loss will look for it.
    Tensor run_silently(std::size_t p, const Tensor& x, const Batch& batch);
    // Forward and backward pass of piece p on one tape; `backward(context, y)` starts the latter. The gradient by its input goes
    // to gradient().
    template <class Backward>
    void record(std::size_t p, const Tensor& x, const Batch& batch, const Surroundings& surroundings, Backward&& backward);
    // The input of piece p, from its output.
    Tensor recover(std::size_t p, const Tensor& output, const Batch& batch);
    // What becomes of the recovered input, against the output it was recovered from.
    void measure(modules::Context& context, const Piece& piece, const Tensor& result, const Tensor& output);
    Tensor gradient(const Tensor& image) { return memory_.handoff(gradient_slot_, image); }
    std::string variant_;  // of the batch that is run
    std::string segment(const char* what, std::size_t p) const { return name_ + ", " + what + " " + std::to_string(p); }

    std::string name_;
    StepMemory& memory_;
    std::vector<Piece> pieces_;
    int iterations_;
    int gradient_slot_, travel_slot_ = 0;  // of the images that are not stored: two, in turn
    int turn_ = 0;
    Observer observer_;
};

}  // namespace gleam::greedy
