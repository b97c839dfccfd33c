"""What figures, tables and records call the networks."""

NETWORKS = {
    "plain_lines": "baseline, lines",
    "tuned_lines": "tuned, lines",
    "four_head_lines": "four heads, lines",
    "plain_mnist": "baseline, digits",
    "tuned_mnist": "tuned, digits",
}
DATA = {"lines": "lines", "mnist": "digits"}


def label(name):
    """ "tuned, lines"; "four heads, angle" of a head; what is no network stays."""
    network, _, head = name.partition(": ")
    return f"{short(network)}, {head}" if head else NETWORKS.get(name, name)


def short(name):
    """The same without its data: "tuned"."""
    return NETWORKS.get(name, name).partition(",")[0]


def data_of(name):
    """What a network was trained on: "lines" or "digits"."""
    return NETWORKS[name].partition(", ")[2]
