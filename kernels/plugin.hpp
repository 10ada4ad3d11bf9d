// Devices that are not built into the program: libgleam_cuda.so and, for tests, libgleam_emu.so, opened when one is asked for, so
// that the program starts where the libraries behind them are not installed.
//
// They are looked for beside the program, then in ../lib from there; where GLEAM_PLUGIN_PATH names a folder, only in it.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "kernels/operations.hpp"

namespace gleam::kernels {

using LibraryVersions = std::vector<std::pair<std::string, std::string>>;  // name, version

// What a plug-in offers. Classes with virtual functions cross this border, so both sides must come from one build.
class Plugin {
public:
    virtual ~Plugin() = default;

    // Of device `index`: "NVIDIA H200, 139.8 GiB". DeviceError when it cannot be used, saying why.
    virtual std::string describe(int index) const = 0;
    // The operations on it; DeviceError as above.
    virtual std::unique_ptr<Operations> make(int index) const = 0;
    // Operations that can only plan, as a device of this model would, without one: "h200". DeviceError where the model is
    // unknown.
    virtual std::unique_ptr<Operations> make_planner(const std::string& model) const = 0;
    virtual LibraryVersions libraries() const = 0;
};

// What a plug-in exports: extern "C" const PluginExport* gleam_plugin().
struct PluginExport {
    const char* build;   // plugin_build (kernels/plugin_build.hpp) when it was compiled
    const void* plugin;  // a Plugin, or what else this plug-in is for; lives as long as the program
};

// libgleam_NAME.so, opened once. DeviceError when it is not there, is of another build, or lacks a library, naming it.
const Plugin& open_plugin(const std::string& name);
// What such a library exports, whatever it is for; errors as above.
const void* open_library(const std::string& name);

}  // namespace gleam::kernels
