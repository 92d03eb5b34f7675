//! `cargo run -p dragline-testkit --bin torture`: thousands of kills, and a table of what came of them.

use std::path::PathBuf;
use std::process::ExitCode;

use dragline_testkit::Dragline;
use dragline_testkit::torture::{Kind, Torture, Weapon};

const USAGE: &str = "usage: torture [--store postgres|sqlite] [--kills N] [--seed N] [--pages N] [--with kill,term,termkill,outage,both]
               [--binary PATH] [-- CRAWL ARGUMENTS]

  --store   where the crawls are stored; a server is started for them      (sqlite)
  --kills   how often a crawl is struck, at least                          (1000)
  --seed    where all chance comes from                                    (chosen by the clock)
  --pages   pages of the site                                              (400)
  --with    what happens, chosen at random: SIGKILL, SIGTERM, SIGKILL soon
            after SIGTERM, the database stopped and started again, or that
            and SIGKILL                                                    (kill)
  --binary  the program under test        (`dragline` beside this program)
  -- …      its arguments, but for --start-url and --store
            (crawl site --rate 0 --host-concurrency 8 --flush-rows 20 --flush-interval 50ms)

Exit code 0 when no row was lost and none doubled, else 1.";

const CRAWL: &str = "crawl site --rate 0 --host-concurrency 8 --flush-rows 20 --flush-interval 50ms";

fn main() -> ExitCode {
    let torture = match plan(std::env::args().skip(1)) {
        Ok(torture) => torture,
        Err(problem) => {
            eprintln!("{problem}\n{USAGE}");
            return ExitCode::from(2);
        }
    };
    let toll = torture.run();
    println!("{toll}");
    for row in &toll.difference.lost {
        println!("lost: {row}");
    }
    for row in &toll.difference.doubled {
        println!("doubled: {row}");
    }
    ExitCode::from(u8::from(!toll.difference.lost.is_empty() || !toll.difference.doubled.is_empty()))
}

fn plan(mut words: impl Iterator<Item = String>) -> Result<Torture, String> {
    let mut binary = None;
    let mut plan = Torture {
        command: Dragline::new("dragline"),
        store: Kind::Sqlite,
        weapons: vec![Weapon::Kill],
        strikes: 1_000,
        pages: 400,
        seed: dragline_testkit::torture::new_seed(),
    };
    while let Some(word) = words.next() {
        if word == "--" {
            break;
        }
        let value = words.next().ok_or_else(|| format!("{word} needs a value"))?;
        let number = || value.parse::<u64>().map_err(|error| format!("{word} {value}: {error}"));
        let count = || value.parse::<usize>().map_err(|error| format!("{word} {value}: {error}"));
        match word.as_str() {
            "--store" => {
                plan.store = match value.as_str() {
                    "postgres" => Kind::Postgres,
                    "sqlite" => Kind::Sqlite,
                    _ => return Err(format!("no store is called {value}")),
                }
            }
            "--kills" => plan.strikes = count()?,
            "--seed" => plan.seed = number()?,
            "--pages" => plan.pages = count()?,
            "--with" => plan.weapons = value.split(',').map(weapon).collect::<Result<_, _>>()?,
            "--binary" => binary = Some(PathBuf::from(value)),
            _ => return Err(format!("{word} is unknown")),
        }
    }
    let needs_server = plan.weapons.iter().any(|weapon| matches!(weapon, Weapon::Outage | Weapon::Both));
    if needs_server && plan.store == Kind::Sqlite {
        return Err("a file does not go away: --with outage or both needs --store postgres".to_owned());
    }
    let mut crawl: Vec<String> = words.collect();
    if crawl.is_empty() {
        crawl = CRAWL.split(' ').map(str::to_owned).collect();
    }
    let binary = binary.map_or_else(beside_this, Ok)?;
    let binary = binary.canonicalize().map_err(|error| format!("{}: {error}", binary.display()))?;
    plan.command = Dragline::new(binary).args(crawl);
    Ok(plan)
}

fn weapon(name: &str) -> Result<Weapon, String> {
    match name {
        "kill" => Ok(Weapon::Kill),
        "term" => Ok(Weapon::Term),
        "termkill" => Ok(Weapon::TermKill),
        "outage" => Ok(Weapon::Outage),
        "both" => Ok(Weapon::Both),
        _ => Err(format!("no weapon is called {name}")),
    }
}

fn beside_this() -> Result<PathBuf, String> {
    let this = std::env::current_exe().map_err(|error| format!("this program: {error}"))?;
    Ok(this.with_file_name("dragline"))
}
