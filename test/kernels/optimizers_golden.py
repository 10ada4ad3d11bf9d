"""Prints the numbers of test_optimizers.cpp: three parameters after seven updates by torch.optim, in double precision.

Run with any Python that has PyTorch; the gradients are those of gradient_at() in test_optimizers.cpp.
"""
import torch

CASES = [
    ("sgd", lambda p: torch.optim.SGD(p, lr=0.05, weight_decay=0.1)),
    ("sgd with momentum", lambda p: torch.optim.SGD(p, lr=0.05, momentum=0.8, weight_decay=0.1)),
    ("adam", lambda p: torch.optim.Adam(p, lr=0.02, betas=(0.8, 0.95), eps=1e-6, weight_decay=0.1)),
    ("adamw", lambda p: torch.optim.AdamW(p, lr=0.02, betas=(0.8, 0.95), eps=1e-6, weight_decay=0.1)),
]

for name, make in CASES:
    p = torch.tensor([1.0, -2.0, 0.5], dtype=torch.float64, requires_grad=True)
    optimizer = make([p])
    for step in range(1, 8):
        p.grad = torch.tensor([0.3 * step, -0.1, ((step * 7919) % 11) / 11.0 - 0.5], dtype=torch.float64)
        optimizer.step()
    print('{"%s", {%s}},' % (name, ", ".join("%.17g" % v for v in p.tolist())))
