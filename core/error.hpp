// Errors a user can meet, and the exit code each one gives (documented in README.md and `gleam --help`).
//
// Every message says where (file, key or data set), what is wrong, and what to do about it.
#pragma once

#include <stdexcept>
#include <string>

namespace gleam {

enum class ExitCode : int {
    success = 0,
    internal = 1,       // a defect of GLEAM itself
    config = 2,         // command line or YAML configuration
    device = 3,         // the device asked for cannot be had
    data = 4,           // a file is missing, damaged, unwritable or does not fit its purpose
    out_of_memory = 5,  // an arena could not be granted
    communication = 6,  // a peer of a parallel run is lost
    numeric = 7,        // NaN or infinity where numbers are needed
};

class Error : public std::runtime_error {
public:
    Error(ExitCode code, const std::string& where, const std::string& what, const std::string& remedy)
        : std::runtime_error(message(where, what, remedy)), code_(code) {}

    ExitCode code() const { return code_; }

private:
    static std::string message(const std::string& where, const std::string& what, const std::string& remedy) {
        std::string text = where.empty() ? what : where + ": " + what;
        return remedy.empty() ? text : text + "; " + remedy;
    }

    ExitCode code_;
};

// One class per exit code, so that callers can catch what they can handle.
template <ExitCode code_of_kind>
class ErrorOf : public Error {
public:
    explicit ErrorOf(const std::string& where, const std::string& what = "", const std::string& remedy = "")
        : Error(code_of_kind, where, what, remedy) {}
};

using InternalError = ErrorOf<ExitCode::internal>;
using ConfigError = ErrorOf<ExitCode::config>;
using DeviceError = ErrorOf<ExitCode::device>;
using DataError = ErrorOf<ExitCode::data>;
using OutOfMemoryError = ErrorOf<ExitCode::out_of_memory>;
using CommunicationError = ErrorOf<ExitCode::communication>;
using NumericError = ErrorOf<ExitCode::numeric>;

// An operation was given tensors that do not fit together.
class ShapeError : public InternalError {
    using InternalError::InternalError;
};

}  // namespace gleam
