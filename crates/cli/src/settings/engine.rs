//! What the engine's settings take from other settings and from the machine.

use std::time::Duration;

use dragline_core::ItemLimits;
use dragline_engine::{EngineSettings, HostOverride, LinkSettings};
use dragline_runtime::memory;

use crate::arguments::Process;

/// The settings as given, with those of the process and of single hosts, and with what follows from them.
pub(super) fn complete(given: EngineSettings, process: &Process, hosts: &[HostOverride]) -> EngineSettings {
    let mut engine = EngineSettings {
        concurrency: process.concurrency,
        crawl_threads: process.crawl_threads.unwrap_or(given.crawl_threads),
        parse_timeout: process.parse_timeout,
        memory_budget_bytes: process
            .memory_budget
            .unwrap_or_else(|| memory::fitting_budget(given.memory_budget_bytes)),
        max_page_memory_bytes: process
            .max_page_memory
            .unwrap_or_else(|| memory::fitting_page_memory(given.max_page_memory_bytes)),
        items: ItemLimits { max_item_bytes: process.max_item, max_field_bytes: process.max_field },
        links: lists_in_order(given.links),
        ..given
    };
    engine.pace.hosts = hosts.to_vec();
    engine.robots.follow_user_agent(&engine.client.user_agent);
    engine
}

/// A list in a variable may end with a comma. No extensions at all means the default, and `none` means no extension.
fn lists_in_order(mut links: LinkSettings) -> LinkSettings {
    let LinkSettings { allow_domains, allow, deny, ignored_extensions, ignored_parameters, .. } = &mut links;
    for list in [allow_domains, allow, deny, ignored_extensions, ignored_parameters] {
        list.retain(|entry| !entry.trim().is_empty());
    }
    if links.ignored_extensions.is_empty() {
        links.ignored_extensions = LinkSettings::default().ignored_extensions;
    }
    links.ignored_extensions.retain(|extension| extension != "none");
    links
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
        Some(0) => None,
        Some(bytes) => Some(bytes as u64),
    }
}

#[cfg(test)]
mod tests {
    use clap::Args as _;
    use clap::FromArgMatches as _;

    use super::*;
    use crate::arguments::CrawlFlags;
    use dragline_pipelines::{ItemPipelineSettings, PersistenceSettings};
    use dragline_runtime::settings::CrawlSettings;
    use dragline_store::StoreSettings;

    fn flags(words: &[&str]) -> CrawlFlags {
        let command = CrawlFlags::augment_args(clap::Command::new("crawl").no_binary_name(true));
        // Without variables, because a test machine may have some.
        let command = command.mut_args(|flag| flag.env(clap::builder::Resettable::Reset));
        CrawlFlags::from_arg_matches(&command.get_matches_from(words)).unwrap()
    }

    fn engine(flags: CrawlFlags) -> EngineSettings {
        let given = EngineSettings {
            limits: flags.limits,
            links: flags.links,
            sitemaps: flags.sitemaps,
            redirects: flags.redirects,
            pace: flags.pace,
            robots: flags.robots,
            client: flags.client,
            fetch: flags.fetch,
            outage: flags.outage,
            retry: flags.retry,
            ..EngineSettings::default()
        };
        complete(given, &flags.process, &[])
    }

    #[test]
    fn without_flags_each_part_has_its_own_defaults() {
        let mut expected = EngineSettings::default();
        expected.robots.agent = Some("dragline".to_owned());
        assert_eq!(engine(flags(&[])), expected);
        let flags = flags(&[]);
        assert_eq!(flags.item_pipelines, ItemPipelineSettings::default());
        assert_eq!(flags.persistence, PersistenceSettings::default());
        assert_eq!(flags.store, StoreSettings::default());
        let defaults = CrawlSettings::default();
        assert_eq!(flags.process.shutdown_timeout, defaults.shutdown_timeout);
        assert_eq!(flags.process.health_max_age, defaults.health_max_age);
    }

    #[test]
    fn a_list_may_end_with_a_comma_and_none_means_no_extension() {
        let links = engine(flags(&["--ignore-extensions", "none", "--allow-domain", "a.example,"])).links;
        assert!(links.ignored_extensions.is_empty());
        assert_eq!(links.allow_domains, ["a.example"]);
    }

    #[test]
    fn robots_txt_is_searched_for_the_token_of_the_user_agent() {
        let agent = |words: &[&str]| engine(flags(words)).robots.agent.unwrap();
        assert_eq!(agent(&["--user-agent", "acmebot/1.0"]), "acmebot");
        assert_eq!(agent(&["--user-agent", "acmebot/1.0", "--robots-agent", "other"]), "other");
    }
}
