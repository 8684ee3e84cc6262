"""Accuracy and area from points that people label: the sample, the page to label it on, the estimates."""

from water_gee.survey.estimate import Estimates, estimate
from water_gee.survey.intervals import Estimated
from water_gee.survey.points import Survey, read_survey
from water_gee.survey.taken import assess_points

__all__ = ["Estimated", "Estimates", "Survey", "assess_points", "estimate", "read_survey"]
