"""The Petri net of a map, as docs/metrics/conformance.md has it, for pm4py."""

from pm4py.objects.petri_net.obj import Marking, PetriNet
from pm4py.objects.petri_net.utils.petri_utils import add_arc_from_to


def net_of(map_graph):
    """(net, initial marking, final marking). Places are called in_… and out_… after their touchpoint."""
    net = PetriNet("map")
    places = {}

    def place(name):
        if name not in places:
            places[name] = PetriNet.Place(name)
            net.places.add(places[name])
        return places[name]

    def step(name, label, source, target):
        transition = PetriNet.Transition(name, label)
        net.transitions.add(transition)
        add_arc_from_to(place(source), transition, net)
        add_arc_from_to(transition, place(target), net)

    place("source")
    place("sink")
    for node in map_graph["nodes"]:
        name = node["name"]
        step(f"visit {name}", name, f"in_{name}", f"out_{name}")
        if node["optional"]:
            step(f"pass {name}", None, f"in_{name}", f"out_{name}")
        if node["start"]:
            step(f"begin {name}", None, "source", f"in_{name}")
        if node["end"]:
            step(f"end {name}", None, f"out_{name}", "sink")
    for source, target in map_graph["edges"]:
        step(f"go {source} {target}", None, f"out_{source}", f"in_{target}")
    return net, Marking({places["source"]: 1}), Marking({places["sink"]: 1})
