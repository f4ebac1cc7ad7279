#pragma once

#include <optional>
#include <span>
#include <vector>

#include "core/results.h"

namespace aieb {

/// What the spread of a run's repeats, or of the batches within its one repeat, says of its means.
///
/// Two repeats or more: mean and Student's t over the repeats (method "repeats"). It covers all
/// that differs from repeat to repeat of this run: sensors' random errors, temperature, the
/// server's state. Energies carry their sensors' gain beside it.
///
/// One repeat: for rates and mean latencies only, by batch means (method "batch_means"); see
/// `batch_mean`. It covers what differs within the run. Energies have their sensors' uncertainty.
std::vector<MetricInterval> intervals_of(std::span<const RepeatResult> repeats,
                                         std::span<const RequestResult> requests);

/// The interval of one metric; null pointer when there is none.
const MetricInterval* find_interval(const std::vector<MetricInterval>& intervals,
                                    std::string_view key);

/// One batch: `amount` per `size` is what is estimated, e.g. tokens per second.
struct Batch {
  double amount = 0;
  double size = 0;
};

/// Σ amount ÷ Σ size with the interval that the batches' spread gives: with residuals
/// e = amount − ratio·size, the variance of the ratio is Σe²/((B − 1)·B) over the squared mean size
/// (linearised ratio estimator), with B − 1 degrees of freedom.
///
/// Neighbours that resemble each other (first autocorrelation of the residuals above 1.64/√B) are
/// merged in pairs first. Absent when fewer than kLeastBatches remain.
std::optional<MetricInterval> batch_mean(std::vector<Batch> batches);

constexpr size_t kLeastBatches = 5;
constexpr size_t kMostBatches = 30;

}  // namespace aieb
