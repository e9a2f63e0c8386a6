"""Other searches, asked and told as the bench asks and tells ours: JSON lines in, one JSON line out for each.

    {"do": "begin", "method": "optuna-tpe", "parameters": [...], "start": {...}, "epochs": 51, "lowest": 6,
     "workers": 1, "seed": 1}
    {"do": "ask", "number": 0}                        -> {"hyp": {...}, "epochs": 51}
    {"do": "report", "number": 0, "epoch": 2, "score": 1.5}   -> {"stop": false}
    {"do": "tell", "number": 0, "epochs": 51, "score": 2.5, "stopped": false}   -> {}

The first line that it writes by itself tells which peers are installed, and in which versions.
"""

import importlib
import json
import logging
import sys
import warnings
from importlib import metadata

warnings.filterwarnings("ignore")
logging.disable(logging.WARNING)
replies = sys.stdout
sys.stdout = sys.stderr  # whatever libraries print is no reply


def version(*packages):
    """Versions as one text, or None if one is not there."""
    try:
        return ", ".join(f"{name} {metadata.version(name)}" for name in packages)
    except metadata.PackageNotFoundError:
        return None


class Optuna:
    """A sampler of Optuna, at full length or with its Hyperband pruner, which stops trainings in their course."""

    def __init__(self, request):
        self.optuna = importlib.import_module("optuna")
        self.optuna.logging.set_verbosity(self.optuna.logging.ERROR)
        _, name, *rest = request["method"].split("-")
        self.parameters, self.epochs = request["parameters"], request["epochs"]
        self.trials = {}
        samplers, seed, start = self.optuna.samplers, request["seed"], request["start"]
        conditional = any(each.get("when") for each in self.parameters)
        if name == "tpe":
            sampler = samplers.TPESampler(seed=seed, multivariate=True, group=conditional, constant_liar=True)
        elif name == "cmaes":
            numbers = {
                each["key"]: start[each["key"]]
                for each in self.parameters
                if each["kind"] in ("float", "integer") and each["key"] in start
            }
            sampler = samplers.CmaEsSampler(seed=seed, x0=numbers, with_margin=True, warn_independent_sampling=False)
        elif name == "gp":
            sampler = samplers.GPSampler(seed=seed)
        else:
            raise ValueError(name)
        pruner = (
            self.optuna.pruners.HyperbandPruner(
                min_resource=request["lowest"], max_resource=self.epochs, reduction_factor=3
            )
            if rest == ["hyperband"]
            else self.optuna.pruners.NopPruner()
        )
        # Hyperband allots trials to brackets by the study's name, which else is a new one every time.
        name = f"{request['method']} {seed}"
        self.study = self.optuna.create_study(study_name=name, direction="maximize", sampler=sampler, pruner=pruner)
        self.study.enqueue_trial(start)

    def ask(self, number):
        trial = self.trials[number] = self.study.ask()
        hyp = {}
        for each in self.parameters:
            when = each.get("when") or {}
            if any(hyp.get(other) not in values for other, values in when.items()):
                continue
            key, kind = each["key"], each["kind"]
            if kind == "choice":
                hyp[key] = trial.suggest_categorical(key, each["choices"])
            elif kind == "fixed":
                hyp[key] = each["start"]
            else:
                suggest = trial.suggest_int if kind == "integer" else trial.suggest_float
                hyp[key] = suggest(key, each["lower"], each["upper"], log=bool(each.get("log")))
        return {"hyp": hyp, "epochs": self.epochs}

    def report(self, number, epoch, score):
        self.trials[number].report(score, epoch)
        return {"stop": bool(self.trials[number].should_prune())}

    def tell(self, number, epochs, score, stopped):
        trial = self.trials.pop(number)
        if stopped:
            self.study.tell(trial, state=self.optuna.trial.TrialState.PRUNED)
        else:
            self.study.tell(trial, score)
        return {}


class Neps:
    """PriorBand as NePS has it, with its own settings; the default is its prior and its first training."""

    def __init__(self, request):
        neps = importlib.import_module("neps")
        algorithms = importlib.import_module("neps.optimizers.algorithms")
        ask_and_tell = importlib.import_module("neps.optimizers.ask_and_tell")
        random, numpy, torch = (importlib.import_module(name) for name in ("random", "numpy", "torch"))
        for seed in (random.seed, numpy.random.seed, torch.manual_seed):
            seed(request["seed"])
        self.epochs = request["epochs"]
        self.fixed = {each["key"]: each["start"] for each in request["parameters"] if each["kind"] == "fixed"}
        space = {"epochs__": neps.HPOInteger(request["lowest"], self.epochs, is_fidelity=True)}
        for each in request["parameters"]:
            key, kind, prior = each["key"], each["kind"], each["start"]
            if kind == "choice":
                space[key] = neps.HPOCategorical(each["choices"], prior=prior, prior_confidence="medium")
            elif kind != "fixed":
                number = neps.HPOInteger if kind == "integer" else neps.HPOFloat
                space[key] = number(
                    each["lower"], each["upper"], log=bool(each.get("log")), prior=prior, prior_confidence="medium"
                )
        optimizer = algorithms.priorband(
            neps.SearchSpace(space),
            sample_prior_first="highest_fidelity",
            base="hyperband" if request["workers"] == 1 else "async_hb",
        )
        self.run = ask_and_tell.AskAndTell(optimizer)
        self.trials = {}

    def ask(self, number):
        trial = self.trials[number] = self.run.ask()
        hyp = {key: plain(value) for key, value in trial.config.items() if key != "epochs__"}
        return {"hyp": {**hyp, **self.fixed}, "epochs": int(trial.config["epochs__"])}

    def tell(self, number, epochs, score, stopped):
        self.run.tell(self.trials.pop(number), -score)
        return {}


def plain(value):
    return value.item() if hasattr(value, "item") else value


peers = {
    "optuna-tpe": (Optuna, version("optuna")),
    "optuna-cmaes": (Optuna, version("optuna", "cmaes")),
    "optuna-gp": (Optuna, version("optuna", "torch", "scipy")),
    "optuna-tpe-hyperband": (Optuna, version("optuna")),
    "optuna-cmaes-hyperband": (Optuna, version("optuna", "cmaes")),
    "optuna-gp-hyperband": (Optuna, version("optuna", "torch", "scipy")),
    "neps-priorband": (Neps, version("neural-pipeline-search")),
}


def main():
    def say(reply):
        replies.write(json.dumps(reply) + "\n")
        replies.flush()

    say({"peers": {name: known for name, (_, known) in peers.items() if known is not None}})
    search = None
    for line in sys.stdin:
        request = json.loads(line)
        do = request.pop("do")
        try:
            if do == "begin":
                search = peers[request["method"]][0](request)
                say({})
            else:
                say(getattr(search, do)(**request))
        except Exception as error:  # told to the bench, which ends the run with it
            say({"error": f"{type(error).__name__}: {error}"})


main()
