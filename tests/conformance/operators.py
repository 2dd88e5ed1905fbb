"""Every operator of PyTorch's own database against jtorch; `main` writes operators.md."""
from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import re
import signal
import sys
import time
import warnings
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import Any

import numpy as np
import torch
from forms import FAILURES, OURS, THEIRS, WIDE, Answer, described, differences, equal_indices, forms_of, tied
from torch.testing._internal.common_methods_invocations import op_db

HERE = Path(__file__).parent
DTYPES = ("float32", "float64", "int64", "bool", "complex64", "bfloat16")
TOGETHER = 8                                                  # samples whose programs are compiled as one
LIMIT_S = 240                                                 # for one operator and type
APART = re.compile(r"torch\.ops\.|torch\._scaled|jiterator|_batch_norm_with_update|_native_batch_norm_legit|_chunk_cat|_segment_reduce"
                   r"|_softmax_backward_data|max_pool2d_with_indices_backward|_unsafe_masked|_upsample_bilinear2d_aa")   # not public, or code for another machine


def name_of(info: Any) -> str:
    return f"{info.name} {info.variant_test_name}".strip()


UNDEFINED = re.compile(r"(new_)?empty(_like|_strided|_permuted)?$|resize_$|resize_as_$")     # what the elements are is not defined
UNORDERED = ("kthvalue", "topk", "sort", "msort")                             # which of equal elements is found is not defined
ONCE = ("nn.functional.linear_cross_entropy",)                # PyTorch computes the gradients beforehand, as constants
OPERATORS = {name_of(info): info for info in op_db
             if not APART.match(info.name) and not isinstance(info.op, torch._ops.OpOverloadPacket | torch._ops.OpOverload)}


class TooSlow(RuntimeError):
    """An operator that takes longer than its time."""


def samples_of(info: Any, dtype: torch.dtype, limit: int | None) -> list:
    torch.manual_seed(0)
    grad = dtype.is_floating_point and info.supports_autograd or dtype.is_complex and info.supports_autograd
    found = list(info.sample_inputs("cpu", dtype, requires_grad=grad))
    return found if limit is None else found[:limit]


def widened(x: Any) -> Any:
    """An argument of PyTorch's in more digits."""
    if isinstance(x, torch.Tensor):
        name = WIDE.get(str(x.dtype)[6:])
        return x.detach().to(getattr(torch, name)).requires_grad_(x.requires_grad) if name else x
    if type(x) in (list, tuple):
        return type(x)(widened(item) for item in x)
    if isinstance(x, dict):
        return {k: widened(v) for k, v in x.items()}
    return getattr(torch, WIDE.get(str(x)[6:], str(x)[6:])) if isinstance(x, torch.dtype) else x


def precise(info: Any, sample: Any) -> Any:
    """PyTorch's function in more digits, computed when it is asked for."""
    known: list[Answer] = []

    def answer() -> Answer:
        if not known:
            wide = (widened(sample.input), widened(sample.args), widened(sample.kwargs))
            known.append(THEIRS.attempt(lambda: THEIRS.differentiated(info.op, wide, sample.output_process_fn_grad)))
        return known[0]
    return answer


def checked(info: Any, samples: list) -> Iterator[tuple[str, str]]:
    """What differs in some samples: aspect and text."""
    theirs = [forms_of(info, THEIRS, s, None) for s in samples]
    ours = [forms_of(info, OURS, s, t) for s, t in zip(samples, theirs, strict=True)]
    for sample, a, b in zip(samples, ours, theirs, strict=True):
        more = precise(info, sample)
        for form in b:
            shaped = (lambda: Answer([THEIRS.flat(more().value)] * 2)) if form == "out" else more
            if info.name in UNORDERED and not a[form].error and not b[form].error:
                pairs = list(zip(a[form].value, b[form].value, strict=True)) if form == "out" else [(a[form].value, b[form].value)]
                if info.name == "msort" and sample.input.dtype == torch.bfloat16:
                    a[form].grads = b[form].grads = []
                elif info.name != "msort" and not all(equal_indices(x, y) for x, y in pairs) and all(tied(x, y) for x, y in pairs):
                    a[form], b[form] = Answer(), Answer()
            if info.name == "argsort" and not a[form].error and not b[form].error:
                a[form].value, b[form].value = (taken(sample, x.value) for x in (a[form], b[form]))
            if info.name in ONCE:
                a[form].second = b[form].second = []
            if UNDEFINED.match(info.name):
                a[form].value, b[form].value = (shapes_of(s, x.value) for s, x in ((OURS, a[form]), (THEIRS, b[form])))
            for aspect, texts in differences(a[form], b[form], shaped).items():
                where = form if aspect == "value" else aspect if form == "function" or aspect != "strides" else None
                for text in texts if where else ():
                    yield where, f"{shown(sample)}: {text}"


def taken(sample: Any, indices: Any) -> list[np.ndarray]:
    """What `argsort` found, instead of where: the order of equal elements is not defined."""
    dim = sample.kwargs.get("dim", sample.args[0] if sample.args else -1)
    return np.take_along_axis(np.atleast_1d(sample.input.float().numpy()), np.atleast_1d(indices.numpy()), dim).tolist()


def shapes_of(side: Any, x: Any) -> list[str]:
    return [described(leaf) for leaf in side.flat(x)]


def shown(sample: Any) -> str:
    def short(x: Any) -> str:
        if isinstance(x, torch.Tensor):
            return f"{str(x.dtype)[6:]}{list(x.shape)}"
        if isinstance(x, list | tuple):
            return f"[{', '.join(map(short, x))}]"
        return getattr(x, "__name__", None) or repr(x)
    parts = [short(sample.input), *map(short, sample.args), *(f"{k}={short(v)}" for k, v in sample.kwargs.items())]
    return f"({', '.join(parts)})"[:300]


def errors_of(info: Any) -> Iterator[tuple[str, str]]:
    """Calls that PyTorch rejects: the class of the error."""
    for case in info.error_inputs("cpu") if info.error_inputs_func else ():
        sample = case.sample_input
        if isinstance(sample.input, torch.Tensor) and sample.input.dim() > 64:
            continue                                          # NumPy has no such arrays, and jtorch no such tensors
        a, b = ({**forms_of_error(info, side, sample)} for side in (OURS, THEIRS))
        if a["error"] != b["error"]:
            yield "errors", f"{shown(sample)}: {a['error'] or 'no error'}: {a['text']} instead of {b['error']}: {b['text']}"[:500]


def forms_of_error(info: Any, side: Any, sample: Any) -> dict[str, str]:
    own = side.translation(True)

    def call() -> Answer:
        value = own(info.op)(own(sample.input), *own(sample.args), **own(sample.kwargs))
        for leaf in side.flat(value):                         # what waits to run fails when it is looked at
            if leaf.layout is side.torch.strided:
                leaf.numel() and leaf.detach().flatten()[0].item()
        return Answer(value)
    answer = side.attempt(call)
    return {"error": answer.error, "text": answer.text}


def check(name: str, dtype: str, limit: int | None = None) -> dict:
    """One row: how many samples an operator has for a type, and what differs."""
    info, started = OPERATORS[name], time.monotonic()
    wrong: dict[str, list[str]] = defaultdict(list)
    count = 0
    try:
        if dtype == "errors":
            for aspect, text in errors_of(info):
                wrong[aspect].append(text)
        elif getattr(torch, dtype) in info.supported_dtypes("cpu"):
            samples = samples_of(info, getattr(torch, dtype), limit)
            count = len(samples)
            for k in range(0, count, TOGETHER):
                for aspect, text in checked(info, samples[k:k + TOGETHER]):
                    wrong[aspect].append(text)
    except FAILURES as error:
        wrong["harness"].append(f"{type(error).__name__}: {error}"[:400])
    return {"op": name, "dtype": dtype, "samples": count, "seconds": round(time.monotonic() - started, 1), "wrong": wrong}


def alarmed(signum: int, frame: FrameType | None) -> None:
    raise TooSlow(f"longer than {LIMIT_S} s")


def work(job: tuple[str, str, int | None]) -> dict:
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    signal.signal(signal.SIGALRM, alarmed)
    signal.alarm(LIMIT_S)
    try:
        return check(*job)
    finally:
        signal.alarm(0)


def causes() -> dict[str, str]:
    """Why operators do not pass, by name."""
    lines = (HERE / "causes.txt").read_text().splitlines()
    return {name.strip(): cause.strip() for name, cause in (line.split("|", 1) for line in lines if line and not line.startswith("#"))}


def cell(rows: list[dict], aspect: str) -> str:
    """How many types of an operator pass, of those that have samples; or the first of the differences."""
    tried = [r for r in rows if r["samples"] or r["dtype"] == "errors" and aspect == "errors"]
    wrong = [r["dtype"] for r in tried if any(k == aspect or k.startswith(aspect + " ") for k in r["wrong"])]
    return "" if not tried else f"not {', '.join(wrong)}" if wrong else "ok"


def failing(rows: list[dict]) -> dict[str, list[dict]]:
    """The rows of the operators that do not pass everything.  Strides are a column of their own."""
    found: dict[str, list[dict]] = defaultdict(list)
    for row in rows:
        if any(aspect != "strides" for aspect in row["wrong"]):
            found[row["op"]].append(row)
    return found


def write_table(given: Path, eager: Path, table: Path, limit: int | None) -> None:
    """The table of a run, and what is different where each operator runs at once."""
    rows = [json.loads(line) for line in given.read_text().splitlines()]
    at_once = [json.loads(line) for line in eager.read_text().splitlines()] if eager.exists() else []
    by_name: dict[str, list[dict]] = defaultdict(list)
    for row in rows:
        by_name[row["op"]].append(row)
    bad, why = failing(rows), causes()
    samples = sum(row["samples"] for row in rows)
    strides = [row["op"] for row in rows if "strides" in row["wrong"]]
    types = ", ".join(f"{t} ({sum(row['dtype'] == t for row in rows)} names)" for t in DTYPES)
    lines = ["# PyTorch's operator database against jtorch", "",
             f"{len(by_name)} names, {samples} sample inputs{'' if limit is None else f' (at most {limit} for a name and type)'}: {types}.",
             "Function, method, in-place and operator forms, aliases, `out=`, gradients, gradients of gradients, error inputs.",
             f"{len(by_name) - len(bad)} names ({100 * (1 - len(bad) / len(by_name)):.1f} %) pass everything.", "",
             f"Strides of results differ for {len(strides)} of {len(rows)} pairs of operator and type{': ' * bool(strides)}{', '.join(sorted(set(strides)))}; they are counted apart.", ""]
    if at_once:
        fewer = {row["op"] for row in at_once}
        other = sorted(set(failing(at_once)) - set(bad))
        lines += [f"Each operator run at once (`JTORCH_EAGER=1`): {len(fewer)} names, fewer samples; {'the same names pass' if not other else 'these fail only then: ' + ', '.join(other)}.", ""]
    lines += ["## What does not pass", "", "| operator | aspect | types | example | cause |", "|---|---|---|---|---|"]
    for name in sorted(bad):
        aspects: dict[str, list[str]] = defaultdict(list)
        for row in bad[name]:
            for aspect in row["wrong"]:
                if aspect != "strides":
                    aspects[aspect].append(row["dtype"])
        first = next(texts[0] for row in bad[name] for aspect, texts in row["wrong"].items() if aspect != "strides")
        types = sorted({t for found in aspects.values() for t in found})
        shown_text = first.replace("|", "\\|").replace("\n", " ")[:160]
        lines.append(f"| {name} | {', '.join(aspects)} | {', '.join(types)} | {shown_text} | {why.get(name, '')} |")
    forms = ("function", "method", "in-place", "out", "gradient", "second gradient", "errors")
    lines += ["", "## All", "", f"| operator | samples | {' | '.join(forms)} |", "|---|---|" + "---|" * len(forms)]
    for name in sorted(by_name):
        cells = [cell(by_name[name], form) for form in forms]
        lines.append(f"| {name} | {sum(r['samples'] for r in by_name[name])} | {' | '.join(cells)} |")
    table.write_text("\n".join(lines) + "\n")


def run(jobs: list[tuple[str, str, int | None]], to: Path, processes: int) -> None:
    """Check everything, one line of `to` for each operator and type."""
    with to.open("w") as rows, multiprocessing.get_context("spawn").Pool(processes, maxtasksperchild=250) as pool:
        for k, row in enumerate(pool.imap_unordered(work, jobs, chunksize=7), 1):
            rows.write(json.dumps(row) + "\n")
            rows.flush()
            if sys.stderr.isatty():
                sys.stderr.write(f"\r{k}/{len(jobs)} {row['op']:40}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--ops", default="", help="a regular expression of names")
    parser.add_argument("--dtypes", default=",".join((*DTYPES, "errors")))
    parser.add_argument("--limit", type=int, help="samples for each operator and type")
    parser.add_argument("--rows", type=Path, default=HERE / "rows.jsonl", help="where results go, a line for each operator and type")
    parser.add_argument("--eager-rows", type=Path, default=HERE / "eager.jsonl", help="the results of a run with JTORCH_EAGER=1, for the table")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--table", action="store_true", help="only write operators.md from the rows that there are")
    given = parser.parse_args()
    if not given.table:
        run([(name, dtype, given.limit) for name in OPERATORS if re.search(given.ops, name) for dtype in given.dtypes.split(",")], given.rows, given.processes)
    if not given.ops and "JTORCH_EAGER" not in os.environ:
        write_table(given.rows, given.eager_rows, HERE / "operators.md", given.limit)


if __name__ == "__main__":
    main()
