"""Every plot of data, training and results, in one look.

Each function returns a matplotlib figure; a notebook shows it as the value of a cell,
and ``save`` writes it for the reports. Pictures of networks are in ``diagram``, tables
in ``tables``.
"""

from coursework.figures.activations import (
    activation_overview,
    activation_table,
    channel_spread,
    follow,
    inactive,
    links,
    write_sheets,
)
from coursework.figures.data import (
    augmented,
    contact_sheet,
    draw_contact_sheet,
    error_gallery,
    measured_lines,
)
from coursework.figures.filter_sheets import class_sheets, filter_sheets
from coursework.figures.filter_tables import (
    class_findings,
    control_findings,
    filter_findings,
    jitter_findings,
    judged_table,
    layer_table,
    optimum_findings,
    regularizer_table,
    share_table,
)
from coursework.figures.filters import (
    ascent_steps,
    class_images,
    filter_excerpt,
    filters_overview,
    known_optimum,
    regularizers,
    trained_and_untrained,
)
from coursework.figures.forest import (
    draw_forest,
    forest,
    forest_legend,
)
from coursework.figures.layers import layers
from coursework.figures.maps import (
    against_experiment,
    agreement,
    answers,
    better_in_images,
    cam_steps,
    causes,
    map_findings,
    map_grid,
)
from coursework.figures.probes import (
    activation_findings,
    draw_probes,
    heads_sentence,
    heads_table,
    probe_best,
    probe_findings,
    probe_title,
    probes,
    tuning,
    tuning_findings,
    tuning_title,
)
from coursework.figures.style import close, gallery, save, show, use_style
from coursework.figures.tables import (
    candidates,
    choices,
    extremes,
    findings,
    learnt,
    paired,
    percentages,
    resolved,
    sure_outside,
    table,
    thresholds,
    unseen_findings,
)
from coursework.figures.training import (
    confusion_by_attribute,
    confusion_matrix,
    error_by_visibility,
    f_scores,
    folded_confusions,
    head_errors,
    head_learning_curves,
    learning_curves,
    sample_efficiency,
)
from coursework.figures.unseen import (
    corruptions,
    interventions,
    psychometric,
    robustness,
    warning_curves,
)
