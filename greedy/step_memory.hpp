// The transient memory of training steps and reconstructions on one device, and what one stage leaves for the next.
//
// A segment is a stretch of work with one tape: one stage's forward and backward pass, or those of a whole chain. Every segment
// has its own program per arena, recorded in a dry run (operations planning); all segments share the bytes, because on one device
// they run one after the other. The hand-off arena outlives segments: images, by number, and a few scalars.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "modules/functions.hpp"

namespace gleam::greedy {

// Bytes of one arena: planned before the run, and the highest byte really lent out.
struct ArenaUse {
    std::string name;
    std::size_t planned = 0, measured = 0;
};

class StepMemory {
public:
    // `tf32`: convolutions within segments may round as Operations::tf32() says.
    explicit StepMemory(kernels::Operations& ops, bool tf32 = false) : ops_(ops), tf32_(tf32) {}

    kernels::Operations& ops() { return ops_; }

    // Runs body(context) as the segment of that name; `training` says whether the tape keeps what a backward pass needs.
    template <class Body>
    void segment(const std::string& name, bool training, Body&& body) {
        begin(name);
        {
            Tape tape(activations_, training);
            modules::Context context{ops_, tape, workspace_};
            body(context);
        }
        end();
    }
    // The same for a segment whose body, under this name and `variant`, is the same every time and leaves nothing on the host:
    // the device may repeat it (Operations::repeat).
    template <class Body>
    void repeated_segment(const std::string& name, const std::string& variant, bool training, Body&& body) {
        ops_.repeat(recordings_[name + ", " + variant], [&] { segment(name, training, body); });
    }

    // Hand-off image number `slot`, like `image` in shape and type. 0 and 1 are taken in turn between stages.
    Tensor handoff(int slot, const Tensor& image);
    // Loss and gradient norm of stage `stage` (f64 [1] each).
    Tensor loss(int stage) { return scalar(4 * stage); }
    Tensor gradient_norm(int stage) { return scalar(4 * stage + 1); }
    // What an image recovered at unroll `unroll` is worth: squared lengths of a difference and of the image (f64 [1] each).
    Tensor recovery_difference(int unroll) { return scalar(4 * unroll + 2); }
    Tensor recovery_size(int unroll) { return scalar(4 * unroll + 3); }

    // The numbers behind scalars that this object gave out, one by one; waits for the device, once for all.
    std::vector<double> values(const std::vector<Tensor>& scalars);

    // Allocates what the dry runs asked for. Nothing is allocated afterwards.
    void grant();

    std::vector<ArenaUse> use() const;

private:
    struct Programs {
        ArenaProgram activations, workspace;
    };
    void begin(const std::string& name);
    void end();
    Tensor scalar(int number);
    void reserve_handoff();

    kernels::Operations& ops_;
    bool tf32_;
    Arena activations_{"activations"}, workspace_{"workspace"}, handoff_{"handoff"};
    std::map<std::string, Programs> programs_;
    std::map<std::string, std::unique_ptr<kernels::Recording>> recordings_;
    std::size_t image_bytes_ = 0, images_ = 0, scalars_ = 0;
};

}  // namespace gleam::greedy
