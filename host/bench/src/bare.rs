//! The floor below the sandbox: wasmtime alone, with the same component, the same settings and the same pooling, and
//! imports that answer at once with a fixed value. No door, no journal, no limits, no chain.

use anyhow::{Result, anyhow};
use wasmtime::{
    Config, Engine, InstanceAllocationStrategy, PoolingAllocationConfig, Store,
    component::{Component, HasSelf, Linker},
};

#[allow(missing_docs, clippy::all, clippy::restriction)]
mod generated {
    wasmtime::component::bindgen!({
        path: "../../wit/flow",
        world: "protocol-flow",
        imports: { default: async | trappable },
        exports: { default: async },
    });
}

use generated::{
    ProtocolFlowPre,
    exports::valence::flow::flow::{Context, Outcome, Value},
    valence::flow::{account_watch as aw, clock, log, simulate, tx_build, types},
};

/// Bare wasmtime, ready to run the bench flow.
pub struct Bare {
    engine: Engine,
    pre: ProtocolFlowPre<Fixed>,
}

/// A host that always says the same.
struct Fixed;

type Words = (u64, u64, u64, u64);

impl types::Host for Fixed {}

impl aw::Host for Fixed {
    async fn get(
        &mut self,
        keys: Vec<Words>,
        _: Option<aw::Slice>,
    ) -> wasmtime::Result<Result<aw::Snapshot, aw::WatchError>> {
        let account = || types::Account {
            lamports: 2_039_280,
            owner: (1, 2, 3, 4),
            data: vec![1; 165],
            executable: false,
            rent_epoch: 0,
        };
        let moment = types::Moment { slot: 1, time: 1 };
        Ok(Ok(aw::Snapshot { moment, accounts: keys.iter().map(|_| Some(account())).collect() }))
    }

    async fn find(&mut self, _: aw::ProgramQuery) -> wasmtime::Result<Result<aw::Found, aw::WatchError>> {
        Err(unasked())
    }

    async fn wait(
        &mut self,
        _: Vec<aw::Condition>,
        _: Option<aw::Deadline>,
    ) -> wasmtime::Result<Result<aw::Wake, aw::WatchError>> {
        Err(unasked())
    }
}

impl tx_build::Host for Fixed {
    async fn find_program_address(
        &mut self,
        _: Words,
        _: Vec<Vec<u8>>,
    ) -> wasmtime::Result<Result<(Words, u8), tx_build::AddressError>> {
        Err(unasked())
    }

    async fn build(
        &mut self,
        _: tx_build::Step,
    ) -> wasmtime::Result<Result<tx_build::UnsignedTransaction, tx_build::BuildError>> {
        Err(unasked())
    }

    async fn emit(
        &mut self,
        _: tx_build::Step,
        _: Vec<types::Condition>,
    ) -> wasmtime::Result<Result<tx_build::Outcome, tx_build::EmitError>> {
        Err(unasked())
    }
}

impl simulate::Host for Fixed {
    async fn simulate(
        &mut self,
        _: Vec<u8>,
    ) -> wasmtime::Result<Result<simulate::Simulation, simulate::SimulateError>> {
        Err(unasked())
    }
}

impl clock::Host for Fixed {
    async fn now(&mut self) -> wasmtime::Result<types::Moment> {
        Ok(types::Moment { slot: 1, time: 1 })
    }
}

impl log::Host for Fixed {
    async fn write(&mut self, _: log::Level, _: String) -> wasmtime::Result<()> {
        Ok(())
    }
}

fn unasked() -> wasmtime::Error {
    wasmtime::Error::msg("the floor is not asked for this")
}

fn plain(error: wasmtime::Error) -> anyhow::Error {
    anyhow!("{error:?}")
}

impl Bare {
    /// Compiles the component with the settings of the sandbox.
    ///
    /// # Errors
    /// Where it does not compile.
    pub fn new(component: &[u8]) -> Result<Bare> {
        let mut config = Config::new();
        config.concurrency_support(false).consume_fuel(true).cranelift_nan_canonicalization(true);
        let mut pool = PoolingAllocationConfig::new();
        pool.total_component_instances(64).total_core_instances(256).total_memories(64).total_tables(192);
        pool.total_stacks(64).linear_memory_keep_resident(128 << 10).table_keep_resident(16 << 10);
        pool.max_memory_size(256 << 20);
        config.allocation_strategy(InstanceAllocationStrategy::Pooling(pool));
        let engine = Engine::new(&config).map_err(plain)?;
        let component = Component::new(&engine, component).map_err(plain)?;
        let mut linker = Linker::new(&engine);
        generated::ProtocolFlow::add_to_linker::<_, HasSelf<Fixed>>(&mut linker, |state| state).map_err(plain)?;
        let pre = ProtocolFlowPre::new(linker.instantiate_pre(&component).map_err(plain)?).map_err(plain)?;
        Ok(Bare { engine, pre })
    }

    /// Instantiates, runs and drops the flow.
    ///
    /// # Errors
    /// Where it does not end well.
    pub async fn run(&self, what: &str, times: u64) -> Result<()> {
        let mut store = Store::new(&self.engine, Fixed);
        store.set_fuel(u64::MAX / 2).map_err(plain)?;
        let world = self.pre.instantiate_async(&mut store).await.map_err(plain)?;
        let context = Context {
            instance: "bench".to_owned(),
            episode: 0,
            params: vec![
                ("what".to_owned(), Value::Text(what.to_owned())),
                ("times".to_owned(), Value::Unsigned(times)),
                ("account".to_owned(), Value::Pubkey((7, 7, 7, 7))),
            ],
            roles: vec![("payer".to_owned(), (1, 1, 1, 1)), ("friend".to_owned(), (2, 2, 2, 2))],
            state: None,
        };
        match world.valence_flow_flow().call_run(&mut store, &context).await.map_err(plain)? {
            Ok(Outcome::Done(_)) => Ok(()),
            other => Err(anyhow!("{other:?}")),
        }
    }
}
