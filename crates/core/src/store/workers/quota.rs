//! How shards are divided among workers.

/// How many shards the worker of this rank should own when `workers` share them evenly. The remainder goes to the lowest ranks, so the
/// quotas of all workers add up to all shards.
pub fn quota(shards: u16, workers: usize, rank: usize) -> u16 {
    let all = usize::from(shards);
    let Some(each) = all.checked_div(workers) else { return 0 };
    let extra = usize::from(rank < all % workers);
    u16::try_from(each + extra).unwrap_or(shards)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotas_add_up_and_differ_by_one_at_most() {
        for workers in [1, 2, 3, 7, 8, 100, 1_023, 1_024, 1_025, 5_000] {
            let quotas: Vec<u16> = (0..workers).map(|rank| quota(1_024, workers, rank)).collect();
            assert_eq!(quotas.iter().map(|it| usize::from(*it)).sum::<usize>(), 1_024, "{workers} workers");
            assert!(quotas[0] - quotas[workers - 1] <= 1, "{workers} workers");
            assert!(quotas.is_sorted_by(|one, next| one >= next), "{workers} workers");
        }
        assert_eq!(quota(1_024, 0, 0), 0);
    }

    #[test]
    fn a_worker_that_joins_or_leaves_moves_few_shards() {
        // Only what the new one gets is given up by the others.
        for workers in 1..40 {
            let given_up: u16 =
                (0..workers).map(|rank| quota(1_024, workers, rank) - quota(1_024, workers + 1, rank)).sum();
            assert_eq!(given_up, quota(1_024, workers + 1, workers), "{workers} workers and one more");
        }
    }
}
