"""The Petri net of a map, as docs/metrics/conformance.md has it, for pm4py."""

from pm4py.objects.petri_net.obj import Marking, PetriNet
from pm4py.objects.petri_net.utils.petri_utils import add_arc_from_to


class _Net:
    """A net that is put together by the names of its places."""

    def __init__(self):
        self.net = PetriNet("map")
        self.places = {}

    def place(self, name):
        if name not in self.places:
            self.places[name] = PetriNet.Place(name)
            self.net.places.add(self.places[name])
        return self.places[name]

    def step(self, name, label, source, target):
        transition = PetriNet.Transition(name, label)
        self.net.transitions.add(transition)
        add_arc_from_to(self.place(source), transition, self.net)
        add_arc_from_to(transition, self.place(target), self.net)

    def finish(self):
        return self.net, Marking({self.place("source"): 1}), Marking({self.place("sink"): 1})


def net_of(map_graph):
    """(net, initial marking, final marking). Places are called in_… and out_… after their touchpoint."""
    made = _Net()
    for node in map_graph["nodes"]:
        name = node["name"]
        made.step(f"visit {name}", name, f"in_{name}", f"out_{name}")
        if node["optional"]:
            made.step(f"pass {name}", None, f"in_{name}", f"out_{name}")
        if node["start"]:
            made.step(f"begin {name}", None, "source", f"in_{name}")
        if node["end"]:
            made.step(f"end {name}", None, f"out_{name}", "sink")
    for source, target in map_graph["edges"]:
        made.step(f"go {source} {target}", None, f"out_{source}", f"in_{target}")
    return made.finish()


def net_without_silent_ways(map_graph):
    """The smaller net of the same language, with a labelled step for each transition; no touchpoint may be optional."""
    made = _Net()
    for node in map_graph["nodes"]:
        name = node["name"]
        if node["start"]:
            made.step(f"begin {name}", name, "source", f"at_{name}")
        if node["end"]:
            made.step(f"end {name}", None, f"at_{name}", "sink")
    for source, target in map_graph["edges"]:
        made.step(f"go {source} {target}", target, f"at_{source}", f"at_{target}")
    return made.finish()
