//! `cargo run -p dragline-testkit --bin keeper`: hundreds of restarts under a watchful eye, and a table of what was
//! seen.

use std::path::PathBuf;
use std::process::ExitCode;

use dragline_testkit::keeper::Keeper;
use dragline_testkit::torture::{Kind, new_seed};

const USAGE: &str = "usage: keeper [--store postgres|sqlite] [--restarts N] [--seed N] [--pages N] [--binary PATH]

  --store     where the runs are stored; a server is started for them       (postgres)
  --restarts  how often the process is stopped or killed and started again  (300)
  --seed      where all chance comes from                                   (chosen by the clock)
  --pages     pages of the site                                             (400)
  --binary    the program `nasty_spiders`   (where `cargo build --examples` puts it)

Every state must be told truthfully and in time, else it ends at once. Exit code 0 when no row was lost and none
doubled, else 1.";

fn main() -> ExitCode {
    let keeper = match plan(std::env::args().skip(1)) {
        Ok(keeper) => keeper,
        Err(problem) => {
            eprintln!("{problem}\n{USAGE}");
            return ExitCode::from(2);
        }
    };
    let record = keeper.run();
    println!("{record}");
    for row in &record.difference.lost {
        println!("lost: {row}");
    }
    for row in &record.difference.doubled {
        println!("doubled: {row}");
    }
    ExitCode::from(u8::from(!record.difference.lost.is_empty() || !record.difference.doubled.is_empty()))
}

fn plan(mut words: impl Iterator<Item = String>) -> Result<Keeper, String> {
    let (mut store, mut restarts, mut pages, mut seed, mut binary) =
        (Kind::Postgres, 300, 400, new_seed(), None);
    while let Some(word) = words.next() {
        let value = words.next().ok_or_else(|| format!("{word} needs a value"))?;
        let count = || value.parse::<usize>().map_err(|error| format!("{word} {value}: {error}"));
        match word.as_str() {
            "--store" => {
                store = match value.as_str() {
                    "postgres" => Kind::Postgres,
                    "sqlite" => Kind::Sqlite,
                    _ => return Err(format!("no store is called {value}")),
                }
            }
            "--restarts" => restarts = count()?,
            "--seed" => seed = value.parse().map_err(|error| format!("{word} {value}: {error}"))?,
            "--pages" => pages = count()?,
            "--binary" => binary = Some(PathBuf::from(value)),
            _ => return Err(format!("{word} is unknown")),
        }
    }
    let binary = binary.map_or_else(beside_this, Ok)?;
    let binary = binary.canonicalize().map_err(|error| format!("{}: {error}", binary.display()))?;
    Ok(Keeper { command: Keeper::crawl(binary), store, restarts, pages, seed })
}

fn beside_this() -> Result<PathBuf, String> {
    let this = std::env::current_exe().map_err(|error| format!("this program: {error}"))?;
    Ok(this.with_file_name("examples").join("nasty_spiders"))
}
