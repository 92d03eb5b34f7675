//! The settings for each part of the program: the given values, and the part's own defaults for the rest.

use std::time::Duration;

use dragline_engine::{
    ClientSettings, EngineSettings, FetchSettings, HostOverride, LimitSettings, LinkSettings, PaceSettings,
    PageRobotsSettings, RedirectSettings, RetrySettings, RobotsSettings, product_token,
};
use dragline_pipelines::ItemPipelineSettings;
use dragline_pipelines::persistence::PersistenceSettings;
use dragline_store::StoreSettings;

use crate::arguments::{Fetching, Limits, Links, Pace, PageRule, Process, Retrying, Robots, Storing};
use dragline_runtime::memory;
use dragline_runtime::settings::store_settings;

/// The groups of flags for the engine's settings.
pub(super) struct EngineFlags<'a> {
    pub(super) limits: &'a Limits,
    pub(super) links: &'a Links,
    pub(super) pace: &'a Pace,
    pub(super) hosts: &'a [HostOverride],
    pub(super) robots: &'a Robots,
    pub(super) fetching: &'a Fetching,
    pub(super) retrying: &'a Retrying,
    pub(super) process: &'a Process,
}

pub(super) fn engine(flags: &EngineFlags<'_>) -> EngineSettings {
    let EngineFlags { limits, links, pace, hosts, robots, fetching, retrying, process } = flags;
    let defaults = EngineSettings::default();
    EngineSettings {
        concurrency: fetching.concurrency,
        crawl_threads: process.crawl_threads.unwrap_or(defaults.crawl_threads),
        parse_timeout: process.parse_timeout,
        memory_budget_bytes: process
            .memory_budget
            .unwrap_or_else(|| memory::fitting_budget(defaults.memory_budget_bytes)),
        limits: LimitSettings {
            pages: limits.limit.filter(|pages| *pages > 0),
            items: above_zero(limits.max_items),
            duration: above_zero(limits.max_duration),
            failed_share: limits.max_failed_share,
        },
        links: self::links(links, defaults.links),
        pace: PaceSettings {
            host_concurrency: pace.host_concurrency,
            rate_per_second: above_zero(pace.rate),
            jitter: pace.jitter,
            max_delay: pace.max_delay,
            slow_down: pace.slow_down,
            recovery: pace.recovery,
            autothrottle: pace.autothrottle,
            autothrottle_start_delay: pace.autothrottle_start_delay,
            autothrottle_concurrency: pace.autothrottle_concurrency,
            host_failures: above_zero(pace.host_failures),
            host_failing_for: pace.host_failing_for,
            host_pause: pace.host_pause,
            max_host_pause: above_zero(pace.max_host_pause),
            hosts: hosts.to_vec(),
        },
        robots: robots_settings(robots, &fetching.user_agent),
        client: ClientSettings {
            user_agent: fetching.user_agent.clone(),
            deny_private_networks: links.deny_private_networks,
            ..defaults.client
        },
        fetch: FetchSettings {
            connect_timeout: fetching.connect_timeout,
            first_byte_timeout: fetching.first_byte_timeout,
            read_timeout: fetching.read_timeout,
            min_bytes_per_second: fetching.min_speed,
            request_timeout: fetching.request_timeout,
            max_body_bytes: fetching.max_body,
            max_headers: fetching.max_headers,
            max_header_bytes: fetching.max_header_bytes,
            accept_types: fetching.accept_types.clone(),
        },
        redirects: RedirectSettings {
            max_hops: links.max_redirects,
            max_refresh_delay: Some(links.max_refresh_delay).filter(|_| links.meta_refresh),
        },
        retry: RetrySettings {
            retries: retrying.retries,
            // `none` is status 0, which no answer has.
            statuses: retrying.retry_statuses.clone(),
            base_delay: retrying.retry_base_delay,
            max_delay: retrying.retry_max_delay,
            max_retry_after: retrying.max_retry_after,
        },
        ..defaults
    }
}

fn links(links: &Links, defaults: LinkSettings) -> LinkSettings {
    let extensions = || given(&links.ignore_extensions).into_iter().filter(|extension| extension != "none");
    LinkSettings {
        max_depth: above_zero(links.max_depth),
        max_url_bytes: links.max_url_length,
        allow_domains: given(&links.allow_domain),
        allow: given(&links.allow),
        deny: given(&links.deny),
        ignored_extensions: match links.ignore_extensions.as_slice() {
            [] => defaults.ignored_extensions,
            _ => extensions().collect(),
        },
        max_path_repeats: above_zero(links.max_path_repeats),
        max_pages_per_host: above_zero(links.max_pages_per_host),
        max_pages_per_pattern: above_zero(links.max_pages_per_pattern),
        ignored_parameters: given(&links.ignore_parameters),
    }
}

/// Removes the empty entries that a list may end with.
fn given(list: &[String]) -> Vec<String> {
    list.iter().filter(|text| !text.trim().is_empty()).cloned().collect()
}

fn robots_settings(robots: &Robots, user_agent: &str) -> RobotsSettings {
    let token = Some(product_token(user_agent)).filter(|token| !token.is_empty()).map(str::to_owned);
    RobotsSettings {
        obey: robots.robots,
        agent: robots.robots_agent.clone().or(token).unwrap_or_else(|| RobotsSettings::default().agent),
        max_crawl_delay: above_zero(robots.max_crawl_delay),
        max_age: robots.robots_max_age,
        unreachable_pause: robots.robots_pause,
        max_bytes: robots.robots_max_bytes,
        max_redirects: robots.robots_max_redirects,
        page: PageRobotsSettings {
            nofollow: robots.page_robots.contains(&PageRule::Nofollow),
            noindex: robots.page_robots.contains(&PageRule::Noindex),
        },
    }
}

pub(super) fn item_pipelines(storing: &Storing) -> ItemPipelineSettings {
    ItemPipelineSettings { replace_nul: storing.replace_nul }
}

pub(super) fn persistence(storing: &Storing) -> PersistenceSettings {
    PersistenceSettings {
        flush_rows: storing.flush_rows,
        flush_growth: storing.flush_growth,
        flush_bytes: storing.flush_bytes,
        flush_interval: storing.flush_interval,
        max_pending_flushes: storing.max_pending_flushes,
        max_outage: above_zero(storing.max_outage),
        operation_timeout: storing.operation_timeout,
        startup_timeout: storing.startup_timeout,
        ..PersistenceSettings::default()
    }
}

pub(super) fn store(storing: &Storing) -> StoreSettings {
    let settings =
        StoreSettings { take_over_after: above_zero(storing.take_over_after), ..StoreSettings::default() };
    store_settings(&persistence(storing), &settings)
}

/// The time of a stop should fit into a container's 10 s.
pub(super) fn warn_of_a_long_stop(shutdown_timeout: Duration) {
    if shutdown_timeout > Duration::from_secs(10) {
        tracing::warn!(
            seconds = shutdown_timeout.as_secs_f64(),
            "the shutdown timeout is longer than the 10 s that most orchestrators wait before they kill a \
             process"
        );
    }
}

/// The soft limit of the process.
pub(super) fn memory_limit(process: &Process) -> Option<u64> {
    match process.memory_limit {
        None => memory::soft_limit(),
        Some(bytes) => above_zero(bytes as u64),
    }
}

fn above_zero<N: Default + PartialEq>(limit: N) -> Option<N> {
    Some(limit).filter(|number| *number != N::default())
}

#[cfg(test)]
mod tests {
    use clap::Args as _;
    use clap::FromArgMatches as _;

    use super::*;
    use crate::arguments::CrawlFlags;
    use dragline_runtime::settings::CrawlSettings;

    #[test]
    fn the_defaults_in_help_are_those_of_the_parts() {
        let command = CrawlFlags::augment_args(clap::Command::new("crawl"));
        // Without variables, because a test machine may have some.
        let command = command.mut_args(|flag| flag.env(clap::builder::Resettable::Reset));
        let flags = CrawlFlags::from_arg_matches(&command.get_matches_from(["crawl"])).unwrap();
        let engine = engine(&EngineFlags {
            limits: &flags.limits,
            links: &flags.links,
            pace: &flags.pace,
            hosts: &[],
            robots: &flags.robots,
            fetching: &flags.fetching,
            retrying: &flags.retrying,
            process: &flags.process,
        });
        assert_eq!(engine, EngineSettings::default());
        assert_eq!(persistence(&flags.storing), PersistenceSettings::default());
        assert_eq!(store(&flags.storing), StoreSettings::default());
        let defaults = CrawlSettings::default();
        assert_eq!(flags.process.shutdown_timeout, defaults.shutdown_timeout);
        assert_eq!(flags.process.health_max_age, defaults.health_max_age);
    }
}
