//! Medians, and the printed table.

use std::time::Duration;

use crate::measured::Measured;

/// The runs of one program.
pub(crate) struct Series {
    name: &'static str,
    pages: usize,
    runs: Vec<Measured>,
    /// Processor time of the database, per run.
    database: Vec<Duration>,
}

impl Series {
    pub(crate) fn new(name: &'static str, pages: usize) -> Self {
        Self { name, pages, runs: Vec::new(), database: Vec::new() }
    }

    pub(crate) fn name(&self) -> &'static str {
        self.name
    }

    pub(crate) fn pages(&self) -> usize {
        self.pages
    }

    /// Adds a run, and the processor time of the database if it is in another process.
    pub(crate) fn add(&mut self, run: Measured, database: Option<Duration>) {
        self.runs.push(run);
        self.database.extend(database);
    }

    /// CPU-milliseconds per page.
    fn cpu_ms(&self) -> f64 {
        median(self.runs.iter().map(|run| run.cpu.as_secs_f64())) * 1000.0 / self.pages as f64
    }

    fn line(&self, floor: &Self) -> String {
        let wall = median(self.runs.iter().map(|run| run.wall.as_secs_f64()));
        let peak = self.runs.iter().map(|run| run.peak_bytes).max().unwrap_or_default();
        let database = match self.database.as_slice() {
            [] => "-".to_owned(),
            taken => {
                let seconds = median(taken.iter().map(Duration::as_secs_f64));
                format!("{:.2}", seconds * 1000.0 / self.pages as f64)
            }
        };
        format!(
            "| {} | {:.0} | {:.2} | {:.2} | {database} | {:.0} |",
            self.name,
            self.pages as f64 / wall,
            self.cpu_ms(),
            self.cpu_ms() / floor.cpu_ms(),
            peak as f64 / 1e6,
        )
    }
}

/// Prints the medians. The first series is the floor.
pub(crate) fn print(title: &str, series: &[Series]) {
    let Some(floor) = series.first() else { return };
    println!("\n{title}; {}; medians of {} runs, peak of all\n", machine(), floor.runs.len());
    println!("| | pages/s | CPU-ms per page | ratio to the floor | database's CPU-ms per page | peak MB |");
    println!("|---|---|---|---|---|---|");
    for series in series {
        println!("{}", series.line(floor));
    }
}

/// The number and model of the cores, and the load on them.
pub(crate) fn machine() -> String {
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let processors = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = processors.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    format!(
        "{cores} cores ({}), load {}",
        model.map_or("of unknown kind", |(_, model)| model),
        load.split(' ').next().unwrap_or("unknown")
    )
}

/// The value in the middle.
pub(crate) fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut sorted: Vec<f64> = values.collect();
    sorted.sort_unstable_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied().unwrap_or(f64::NAN)
}
