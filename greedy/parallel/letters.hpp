// What ranks write to one another.
#pragma once

#include "greedy/checkpoint.hpp"
#include "greedy/parallel/ports.hpp"

namespace gleam::greedy {

void send_numbers(Mail& mail, int to, const std::vector<double>& numbers);
std::vector<double> receive_numbers(Mail& mail, int from);

// Tensors one by one; an empty letter says that there are no more.
void send_tensor(Mail& mail, int to, const CheckpointTensor& tensor);
void send_no_more(Mail& mail, int to);
bool receive_tensor(Mail& mail, int from, CheckpointTensor& tensor);

}  // namespace gleam::greedy
