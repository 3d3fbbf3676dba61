//! A flow that does what its `script` says: for tests that need any flow at all, and for property tests over random ones.
//!
//! A script is operations with `;` between them. What each reply says goes into a checksum, which is part of the outcome, so
//! that two runs that were told different things end differently.
//!
//! | operation | what it does |
//! |---|---|
//! | `get` | reads the payer and `key` |
//! | `address` | derives an address |
//! | `log TEXT` | writes a line |
//! | `wait N` | waits until N slots from now |
//! | `until N` | waits until `key` has more than N lamports |
//! | `for-change` | waits until `key` changes |
//! | `pay N` | pays N lamports to `key`; paused when that fails three times |
//! | `try-pay N` | the same, once, and told of a failure |
//! | `look N` | simulates paying N |
//! | `burn N` | computes for about N instructions |
//! | `grow N` | takes N pages of 64 KiB |
//! | `panic`, `fail` | ends so |
//! | `continue` | ends the episode; the next one goes on behind it |
//! | `loop N` | ends the episode and begins the script again, N times |
//!
//! Tests make other builds of it by changing the letter in [`BUILD`]: B derives an address where it should read; C does not
//! take a state; D does not panic; E pays one lamport more.

use valence_flow::prelude::*;

/// Found in the component's data by tests.
const BUILD: &str = "this is build A of the scripted flow";

#[derive(Params, Debug)]
struct Params {
    /// What to do.
    #[param(max_len = 4096)]
    script: String,
    /// Whom to look at and to pay.
    key: Pubkey,
}

#[derive(Roles, Debug)]
struct Roles {
    /// Pays.
    payer: Role,
}

/// Where it is, between two episodes.
struct Progress {
    place: u32,
    loops: u32,
    sum: u64,
}

impl Progress {
    fn read(state: Option<&[u8]>) -> Result<Progress, FlowError> {
        let Some(state) = state else { return Ok(Progress { place: 0, loops: 0, sum: 0 }) };
        let word = |at: usize| state.get(at..at + 4).and_then(|b| <[u8; 4]>::try_from(b).ok()).map(u32::from_le_bytes);
        let sum = state.get(8..16).and_then(|b| <[u8; 8]>::try_from(b).ok()).map(u64::from_le_bytes);
        match (word(0), word(4), sum) {
            (Some(place), Some(loops), Some(sum)) => Ok(Progress { place, loops, sum }),
            _ => Err(FlowError::state("it is not sixteen bytes")),
        }
    }

    fn bytes(&self) -> Vec<u8> {
        [&self.place.to_le_bytes()[..], &self.loops.to_le_bytes(), &self.sum.to_le_bytes()].concat()
    }

    fn add(&mut self, what: u64) {
        self.sum = (self.sum ^ what).wrapping_mul(0x0100_0000_01b3).rotate_left(7);
    }
}

/// Does what its script says.
#[flow(id = "scripted", name = "Scripted", steps = ["pay"])]
fn scripted(flow: Flow, params: Params, roles: Roles) -> FlowResult {
    let build = std::hint::black_box(BUILD).as_bytes()[14];
    if build == b'C' && flow.state().is_some() {
        return Err(FlowError::state("build C begins anew only"));
    }
    let mut progress = Progress::read(flow.state())?;
    let operations: Vec<&str> = params.script.split(';').map(str::trim).filter(|o| !o.is_empty()).collect();
    loop {
        let Some(operation) = operations.get(progress.place as usize) else {
            return done(format!("{} operations, sum {:016x}", operations.len(), progress.sum));
        };
        progress.place += 1;
        let (name, rest) = operation.split_once(' ').unwrap_or((operation, ""));
        let number = rest.trim().parse::<u64>().unwrap_or(0);
        match name {
            "get" if build == b'B' => address(&mut progress, &roles)?,
            "get" => {
                let read = get_all([params.key, roles.payer.key()])?;
                read.accounts.iter().flatten().for_each(|account| progress.add(account.lamports));
            }
            "address" => address(&mut progress, &roles)?,
            "log" => log::write(log::Level::Info, rest),
            "wait" => {
                let until = now().slot + number;
                let wake = wait_until(slot_reached(until)).park()?;
                progress.add(wake.moment.slot);
            }
            "until" => {
                let wake = wait_until(lamports(params.key).above(number)).park()?;
                progress.add(wake.moment.slot);
            }
            "for-change" => {
                let wake = wait_until(changed(params.key).since(now().slot)).park()?;
                progress.add(wake.moment.slot);
            }
            "pay" => {
                let more = u64::from(build == b'E');
                let landed = pay(&params, &roles, number + more).emit()?;
                progress.add(landed.slot);
            }
            "try-pay" => match pay(&params, &roles, number).retry(1).tell_failure().emit() {
                Ok(landed) => progress.add(landed.slot),
                Err(_) => progress.add(1),
            },
            "look" => match pay(&params, &roles, number).simulate() {
                Ok(simulation) => progress.add(simulation.compute_units),
                Err(_) => progress.add(2),
            },
            "burn" => (0..number).for_each(|n| progress.sum = std::hint::black_box(progress.sum ^ n)),
            "grow" => {
                let pages = vec![1u8; usize::try_from(number).unwrap_or(0) << 16];
                progress.add(std::hint::black_box(&pages).len() as u64);
            }
            "panic" if build == b'D' => progress.add(3),
            "panic" => panic!("the script says so"),
            "fail" => return Err(FlowError::other("script", "the script says so")),
            "continue" => return continue_with(progress.bytes()),
            "loop" if u64::from(progress.loops) < number => {
                (progress.place, progress.loops) = (0, progress.loops + 1);
                return continue_with(progress.bytes());
            }
            "loop" => {}
            _ => return Err(FlowError::param("script", format!("there is no operation `{name}`"))),
        }
    }
}

fn address(progress: &mut Progress, roles: &Roles) -> Result<(), FlowError> {
    let (address, bump) = find_program_address(memo::ID, &[roles.payer.key().as_bytes()])?;
    progress.add(u64::from(bump) + u64::from(address.as_bytes()[0]));
    Ok(())
}

fn pay(params: &Params, roles: &Roles, lamports: u64) -> Step {
    step("pay")
        .describe("Pay somebody")
        .pay_with(roles.payer)
        .add(system::transfer(roles.payer, params.key, lamports))
        .retry(3)
        .retry_after_ms(400)
}
