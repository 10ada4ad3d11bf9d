"""Claim 2: image quality at the same activation memory, for the same steps, the same time, and more time."""

import statistics

import common
from laboratory import note
from networks import CASES, RATES, mebibytes

HEADER = [
    "Data",
    "Method",
    "Unrolls",
    "Activations [MiB]",
    "Steps",
    "Time [s]",
    "Rate",
    "PSNR [dB]",
    "SSIM",
    "Greedy's gain [dB]",
]
METHODS = {"zero_filled": "zero-filled", "cg_sense": "CG-SENSE", "l1_wavelet": "l1-wavelet"}
LONGER = 2  # the further run end to end: so many times greedy's time


class Quality:
    def __init__(self, laboratory, case):
        self.laboratory, self.case = laboratory, case
        self.name = case.name.replace(" ", "-")
        self.steps = max(2, case.steps // 50) if laboratory.options.quick else case.steps

    def data(self, seed):
        image = ["--image", self.laboratory.options.image] if self.case.image else []
        return {
            part: self.laboratory.data(f"{self.name}-{seed}-{part}", *image, *options, "--seed", 10 * seed + number)
            for number, (part, options) in enumerate(self.case.data.items())
        }

    def keys(self, seed, steps, rate):
        files = self.data(seed)
        mask = [f"data.mask.{key}={value}" for key, value in self.case.mask.items()]
        return [
            f"seed={seed}",
            *self.case.keys,
            *mask,
            f"data.train.file={files['train']}",
            f"data.validation.file={files['validation']}",
            f"training.steps={steps}",
            f"training.validate_every={steps}",
            f"training.optimizer.learning_rate={rate}",
            "training.optimizer.schedule=cosine",
            "training.optimizer.weight_decay=1e-6",
        ]

    def greedy(self, seed, rate):
        return self.laboratory.train(
            f"{self.name}-{seed}-greedy-{rate}",
            [*self.keys(seed, self.steps, rate), "training.strategy=greedy", f"training.modules={self.case.modules}"],
        )

    def end_to_end(self, seed, rate, steps, label, same_memory_as):
        return self.laboratory.train(
            f"{self.name}-{seed}-{label}-{rate}",
            [*self.keys(seed, steps, rate), "training.strategy=end_to_end"],
            "--same-memory-as",
            same_memory_as,
        )

    def times_faster(self, rate, same_memory_as):
        """How many steps end to end go in the time of a greedy step: median over pairs of short runs in turn."""
        rounds, steps = (1, 4) if self.laboratory.options.quick else (4, 15)

        def measure():
            pairs = common.alternate(
                rounds,
                lambda i=iter(range(rounds)): self.short("greedy", next(i), steps, rate, None),
                lambda i=iter(range(rounds)): self.short("end_to_end", next(i), steps, rate, same_memory_as),
            )
            return statistics.median(a / b for a, b in zip(*pairs))

        return self.laboratory.remembered(
            f"{self.name}-times-faster", [self.keys(1, steps, rate), self.case.modules, rounds], measure
        )

    def short(self, strategy, i, steps, rate, same_memory_as):
        more = ["--same-memory-as", same_memory_as] if same_memory_as else []
        modules = self.case.modules if strategy == "greedy" else 0
        run = self.laboratory.train(
            f"{self.name}-pace-{strategy}-{i}",
            [*self.keys(1, steps, rate), f"training.strategy={strategy}", f"training.modules={modules}"],
            *more,
        )
        return run["seconds"]["step_median"]

    def best_rate(self, label, train):
        """Of both learning rates, the one with the better validation of the first seed."""
        runs = {rate: train(rate) for rate in RATES}
        rate = max(runs, key=lambda r: runs[r]["validation"])
        note(
            f"quality: {self.case.name} {label}: learning rate {rate} of "
            + ", ".join(f"{r} ({run['validation']:.2f} dB)" for r, run in runs.items())
        )
        return rate

    def run(self):
        rates = {"greedy": self.best_rate("greedy", lambda rate: self.greedy(1, rate))}
        reference = self.greedy(1, rates["greedy"])["folder"]
        faster = self.times_faster(rates["greedy"], reference)
        steps = {"same steps": self.steps, "same time": max(2, round(self.steps * faster))}
        for label, n in steps.items():
            rates[label] = self.best_rate(
                f"end to end, {label}", lambda rate: self.end_to_end(1, rate, n, label.replace(" ", "-"), reference)
            )  # noqa: B023
        scores, runs = [], []
        for seed in range(1, self.laboratory.options.seeds + 1):
            trained = {"greedy": self.greedy(seed, rates["greedy"])}
            for label, n in steps.items():
                trained[label] = self.end_to_end(seed, rates[label], n, label.replace(" ", "-"), reference)
            if seed == 1:
                trained["longer"] = self.end_to_end(1, rates["same time"], LONGER * steps["same time"], "longer", reference)
            scores.append(self.scores(seed, trained))
            runs.append(trained)
            note(f"quality: {self.case.name} seed {seed}: " + ", ".join(f"{k} {v[0]:.2f} dB" for k, v in scores[-1].items()))
        return {"scores": scores, "runs": runs, "rates": rates, "steps": steps}

    def scores(self, seed, trained):
        mask = [a for key, value in self.case.mask.items() for a in ("--" + key.replace("type", "mask"), value)]
        weights = {label.replace(" ", "_"): run["folder"] for label, run in trained.items()}
        found = self.laboratory.evaluate(f"{self.name}-{seed}", self.data(seed)["test"], mask, weights)
        return {name.replace("_", " ") if name not in METHODS else name: score for name, score in found.items()}


def spread(values, digits=2):
    if len(values) < 2:
        return f"{values[0]:.{digits}f}"
    return f"{statistics.mean(values):.{digits}f} ± {statistics.stdev(values):.{digits}f}"


def gains(result, label):
    return [s["greedy"][0] - s[label][0] for s in result["scores"] if label in s]


def rows_of(quality, result):
    case, scores, first = quality.case, result["scores"], result["runs"][0]
    memory = {label: mebibytes(run["memory"]["activations"]["planned"]) for label, run in first.items()}
    rows = []
    for label in [*METHODS, "same steps", "same time", "longer", "greedy"]:
        found = [s[label] for s in scores if label in s]
        cells = [case.name, METHODS.get(label) or ("greedy" if label == "greedy" else f"end to end, {label}")]
        if label in first:
            run = first[label]
            seconds = [r[label]["seconds"]["training"] for r in result["runs"] if label in r]
            cells += [
                str(run["unrolls"]) + (f" in {run['modules']} modules" if label == "greedy" else ""),
                memory[label],
                run["steps"],
                f"{statistics.median(seconds):.0f}",
                result["rates"].get(label, result["rates"]["same time"]),
            ]
        else:
            cells += [""] * 5
        cells += [spread([f[0] for f in found]), spread([f[1] for f in found], 3)]
        cells.append(spread(gains(result, label)) if label in ("same steps", "same time", "longer") else "")
        rows.append(cells)
    return rows


def verdict(quality, result):
    case = quality.case
    words = []
    for label in ("same steps", "same time", "longer"):
        found = gains(result, label)
        met = "met" if min(found) >= case.target else ("met on average" if statistics.mean(found) >= case.target else "NOT met")
        seeds = "one seed" if len(found) == 1 else f"worst of {len(found)} seeds {min(found):+.2f} dB"
        words.append(f"{label} {statistics.mean(found):+.2f} dB ({seeds}; {met})")
    return f"- {case.name}, target {case.target} dB: " + ", ".join(words)


def section(laboratory):
    rows, verdicts, left_out = [], [], []
    for case in CASES:
        if case.image and not laboratory.options.image:
            left_out.append(case.name)
            continue
        quality = Quality(laboratory, case)
        result = quality.run()
        rows += rows_of(quality, result)
        verdicts.append(verdict(quality, result))
    missing = f"\n\nLeft out, since no image was given: {', '.join(left_out)}." if left_out else ""
    return f"""## 2. Image quality at the same memory

The same network, once greedily and once end to end with as many unrolls as fit greedy's activation memory (`gleam train
--same-memory-as`). Gain of greedy learning in PSNR on test data; seeds ({laboratory.options.seeds}) are those of coils, noise, phantoms,
masks, weights and order:

{chr(10).join(verdicts)}

*Same steps*: as many updates. *Same time*: as many as take the time of the greedy run, by the ratio of step times measured in
turn. *Longer*: {LONGER} times that, seed 1 only, to see how far it is from convergence. Learning rates fall along half a cosine
from the one given: of {' and '.join(RATES)} the better one by validation on seed 1, for each way of training. Loss l1, Adam.
Training time is without loading. Mean ± standard deviation over the seeds.

{common.table(HEADER, rows)}{missing}

Networks and data:

{chr(10).join(describe(case) for case in CASES)}
"""


def describe(case):
    mask = ", ".join(f"{k} {v}" for k, v in case.mask.items())
    image = " --image FILE" if case.image else ""
    data = "; ".join(" ".join(map(str, options)) for options in case.data.values())
    simulate = f"`gleam simulate --coils 8{image}` with (training; validation; test) `{data}`"
    return f"- {case.name}: `{' '.join(case.keys)} training.modules={case.modules}`; mask {mask}; {simulate}"
