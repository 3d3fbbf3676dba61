//! A door that records what passes it and answers with the least. A mock is right here: these tests ask what the sandbox
//! lets through, not what a chain says.

use std::sync::{Arc, Mutex};
use valence_door::{
    Account, Answer, BuildError, Deadline, Door, HostCall, HostReply, Key, Moment, Outcome, Reason, SimulateError,
    Snapshot, Wake,
};

/// What passed.
#[derive(Clone, Default)]
pub struct Passed(Arc<Mutex<Vec<HostCall>>>);

impl Passed {
    pub fn calls(&self) -> Vec<HostCall> {
        self.0.lock().unwrap().clone()
    }
}

/// The door.
pub struct RecordingDoor {
    passed: Passed,
    keep: bool,
    now: Moment,
    data: Vec<u8>,
}

impl RecordingDoor {
    /// Keeps every call.
    pub fn new(now: Moment) -> (Box<Self>, Passed) {
        let passed = Passed::default();
        (Box::new(RecordingDoor { passed: passed.clone(), keep: true, now, data: Vec::new() }), passed)
    }

    /// Keeps nothing, for floods; accounts that are read have so many bytes of data.
    pub fn forgetful(data: usize) -> Box<Self> {
        let (passed, now) = (Passed::default(), Moment { slot: 1, time: 1 });
        Box::new(RecordingDoor { passed, keep: false, now, data: vec![0; data] })
    }
}

impl Door for RecordingDoor {
    fn call(&mut self, call: HostCall) -> Answer<'_> {
        let reply = match &call {
            HostCall::Get { keys, .. } => {
                let account = || Account {
                    lamports: 1,
                    owner: Key([0; 32]),
                    data: self.data.clone().into(),
                    executable: false,
                    rent_epoch: 0,
                };
                HostReply::Get(Ok(Snapshot {
                    moment: self.now,
                    accounts: keys.iter().map(|_| Some(account())).collect(),
                }))
            }
            HostCall::Find(_) => HostReply::Find(Ok(valence_door::Found { moment: self.now, accounts: Vec::new() })),
            HostCall::Wait { deadline, .. } => {
                if let Some(Deadline::Time(due)) = deadline {
                    self.now.time = self.now.time.max(*due);
                }
                HostReply::Wait(Ok(Wake { moment: self.now, reason: Reason::Condition(0) }))
            }
            HostCall::FindProgramAddress { .. } => HostReply::FindProgramAddress(Ok((Key([1; 32]), 255))),
            HostCall::Build(_) => HostReply::Build(Err(BuildError::EmptyStep)),
            HostCall::Emit { .. } => HostReply::Emit(Ok(Outcome::Withdrawn(0))),
            HostCall::Simulate { .. } => {
                HostReply::Simulate(Err(SimulateError::NotATransaction("it is empty".to_owned())))
            }
            HostCall::Log { .. } => HostReply::Log,
        };
        if self.keep {
            self.passed.0.lock().unwrap().push(call);
        }
        Answer::Ready(Ok(reply))
    }

    fn now(&self) -> Moment {
        self.now
    }
}
