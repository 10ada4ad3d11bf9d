// The parts of the page; each returns HTML with its own heading and says so when it has nothing to show.
#pragma once

#include <array>
#include <string>

#include "greedy/planes.hpp"
#include "greedy/report/report_content.hpp"

namespace gleam::greedy::report {

std::string tiles(const ReportContent& content);
std::string quality_section(const ReportContent& content);
std::string images_section(const ReportContent& content);
std::string training_section(const ReportContent& content);
// Who computed what when, of runs on several ranks; empty when there are none.
std::string pipeline_section(const ReportContent& content);
std::string cost_section(const ReportContent& content);
std::string setup_section(const ReportContent& content);

// "end-to-end", "greedy": the names of strategies and masks as words.
std::string in_words(std::string name);
// "slice" -> "Slice".
std::string capitalised(std::string word);
// A paragraph that says what is absent.
std::string absent(const std::string& what);

// The run behind a method: the one of its name, else the only one of that strategy; null for classical methods.
const Run* run_of(const ReportContent& content, const Method& method);
const Method* find_method(const ReportContent& content, const std::string& name);
// Methods that are not learned, the strongest first.
inline constexpr std::array<const char*, 3> classical_methods{"l1_wavelet", "cg_sense", "zero_filled"};
bool is_classical(const Method& method);
std::string run_colour(std::size_t index);
std::string method_colour(const ReportContent& content, const Method& method);
// Measured where known, else planned; NaN when the run has no such arena.
double arena_bytes(const Run& run, const std::string& arena);
// The method of the headline and what it is compared with (null: nothing).
struct Comparison {
    const Method* subject = nullptr;
    const Method* other = nullptr;
};
Comparison main_comparison(const ReportContent& content);

}  // namespace gleam::greedy::report
