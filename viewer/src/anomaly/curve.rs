//! Curves of scores: smoothing them after the fact, and how well they separate.

/// The mean over `window` scores around each score, for curves that are complete. An even window counts as the next
/// odd one; at the ends there are fewer scores to average. Run it on each clip by itself.
pub fn centred(scores: &[f64], window: usize) -> Vec<f64> {
    let radius = window / 2;
    let mean = |at: usize| {
        let around = at.saturating_sub(radius)
            ..at.saturating_add(radius)
                .saturating_add(1)
                .min(scores.len());
        let around = scores.get(around).unwrap_or_default();
        around.iter().sum::<f64>() / around.len().max(1) as f64
    };
    (0..scores.len()).map(mean).collect()
}

/// The area under the ROC curve: the share of pairs of a labelled and an unlabelled score in which the labelled one is
/// higher; a tie counts one half. In `0..=1`. From ranks, as in H. B. Mann and D. R. Whitney, "On a Test of Whether one
/// of Two Random Variables is Stochastically Larger than the Other", Annals of Mathematical Statistics, 1947.
///
/// `None` when the lengths differ, when a score is not a number, or when all labels are the same.
pub fn auc(scores: &[f64], labels: &[bool]) -> Option<f64> {
    if scores.len() != labels.len() || scores.iter().any(|score| score.is_nan()) {
        return None;
    }
    let mut sorted: Vec<(f64, bool)> = scores.iter().copied().zip(labels.iter().copied()).collect();
    sorted.sort_by(|a, b| a.0.total_cmp(&b.0));
    let (mut negatives, mut positives, mut halves) = (0_u64, 0_u64, 0_u128);
    // `==` rather than the order of `total_cmp`: 0 and -0 are a tie.
    for ties in sorted.chunk_by(|a, b| a.0 == b.0) {
        let labelled = ties.iter().filter(|(_, label)| *label).count() as u64;
        let others = ties.len() as u64 - labelled;
        halves += u128::from(labelled) * u128::from(2 * negatives + others);
        positives += labelled;
        negatives += others;
    }
    let pairs = 2 * u128::from(positives) * u128::from(negatives);
    (pairs > 0).then(|| halves as f64 / pairs as f64)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_window_is_centred_and_shorter_at_the_ends() {
        assert_eq!(centred(&[3.0, 0.0, 6.0], 3), [1.5, 3.0, 3.0]);
        assert_eq!(centred(&[3.0, 0.0, 6.0], 1), [3.0, 0.0, 6.0]);
        assert_eq!(centred(&[3.0, 0.0, 6.0], 0), [3.0, 0.0, 6.0]);
        assert_eq!(centred(&[3.0, 0.0, 6.0], usize::MAX), [3.0; 3]);
        assert!(centred(&[], 9).is_empty());
    }

    #[test]
    fn an_area_needs_both_labels_and_numbers() {
        assert_eq!(auc(&[1.0, 2.0], &[false, true]), Some(1.0));
        assert_eq!(auc(&[0.0, -0.0], &[false, true]), Some(0.5));
        assert_eq!(auc(&[1.0, 2.0], &[true, true]), None);
        assert_eq!(auc(&[1.0], &[true, false]), None);
        assert_eq!(auc(&[1.0, f64::NAN], &[true, false]), None);
        assert_eq!(auc(&[], &[]), None);
    }

    proptest! {
        #[test]
        fn an_area_counts_pairs(drawn in prop::collection::vec((0_u8..6, any::<bool>()), 0..60)) {
            let scores: Vec<f64> = drawn.iter().map(|(score, _)| f64::from(*score)).collect();
            let labels: Vec<bool> = drawn.iter().map(|(_, label)| *label).collect();
            let (mut won, mut pairs) = (0.0, 0.0);
            for (a, _) in drawn.iter().filter(|(_, label)| *label) {
                for (b, _) in drawn.iter().filter(|(_, label)| !*label) {
                    won += if a > b { 1.0 } else if a == b { 0.5 } else { 0.0 };
                    pairs += 1.0;
                }
            }
            match auc(&scores, &labels) {
                Some(area) => prop_assert!((area - won / pairs).abs() < 1e-12),
                None => prop_assert_eq!(pairs, 0.0),
            }
        }
    }
}
