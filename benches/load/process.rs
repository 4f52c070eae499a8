//! The processes of the load test, and what the kernel says of them.

use std::collections::BTreeMap;
use std::fs;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::Result;
use crate::client::Client;
use crate::conf::Conf;
use crate::cost;

/// Worker threads of the gateway and of the yardsticks.
pub(crate) const THREADS: usize = 1;

/// How long a process may take to end once it is asked to.
const GRACE: Duration = Duration::from_secs(5);

/// A process that ends with this value.
pub(crate) struct Process {
    /// The program that was started.
    program: String,
    child: Child,
    /// The processes that serve, where the one that was started only manages them.
    workers: Vec<u32>,
    /// Where it listens.
    pub(crate) address: SocketAddr,
    /// Where its admin API listens, if it has one.
    pub(crate) admin: SocketAddr,
}

impl Drop for Process {
    /// Asks it to end, so that it can write what it has to, and kills it where it does not in time.
    fn drop(&mut self) {
        if let Some(id) = self.child.id().try_into().ok().and_then(Pid::from_raw) {
            // It may have ended by itself.
            let _ = kill_process(id, Signal::TERM);
        }
        let deadline = Instant::now() + GRACE;
        while Instant::now() < deadline && matches!(self.child.try_wait(), Ok(None)) {
            std::thread::sleep(Duration::from_millis(1));
        }
        self.kill();
    }
}

impl Process {
    /// Starts this program again in one of its roles, with these arguments after the address.
    pub(crate) async fn role(role: &str, arguments: &[&str]) -> Result<Self> {
        let address = Self::free_address()?;
        let mut command = Command::new(std::env::current_exe()?);
        command.arg(role).arg(address.to_string()).args(arguments);
        let mut process = Self::started(&mut command, address)?;
        process.reachable().await?;
        Ok(process)
    }

    /// Starts the backend, beside the callers.
    pub(crate) async fn origin() -> Result<Self> {
        let origin = Self::role("origin", &[]).await?;
        origin.ids().for_each(cost::step_aside);
        Ok(origin)
    }

    /// Starts the gateway on a configuration, and waits until it accepts connections.
    pub(crate) async fn gateway(conf: &Conf) -> Result<Self> {
        let (address, admin) = (Self::free_address()?, Self::free_address()?);
        let (plain, tls) = if conf.is_tls {
            (Self::free_address()?.to_string(), address.to_string())
        } else {
            (address.to_string(), String::new())
        };
        let mut command = Command::new(env!("CARGO_BIN_EXE_tollgate"));
        command
            .args(["run", "--conf"])
            .arg(conf.dir())
            .env("TOLLGATE_GATEWAY_HTTP", plain)
            .env("TOLLGATE_GATEWAY_HTTPS", tls)
            .env("TOLLGATE_STATUS_HTTP", Self::free_address()?.to_string())
            .env("TOLLGATE_ADMIN_HTTP", admin.to_string())
            .env("TOLLGATE_DATA_DIR", conf.data())
            .env("TOLLGATE_ACCESS_LOG_PATH", conf.log())
            .env("TOLLGATE_GATEWAY_THREADS", THREADS.to_string())
            .envs(conf.settings.iter().copied());
        let mut process = Self::other(&mut command, address)?;
        process.admin = admin;
        process.reachable().await?;
        Ok(process)
    }

    /// Starts another program, which listens there.
    pub(crate) fn other(command: &mut Command, address: SocketAddr) -> Result<Self> {
        Self::started(command.stdout(Stdio::null()).stderr(Stdio::null()), address)
    }

    fn started(command: &mut Command, address: SocketAddr) -> Result<Self> {
        let program = command.get_program().to_string_lossy().into_owned();
        let child = command.spawn().map_err(|e| format!("{program}: {e}"))?;
        cost::give_all_cores(child.id());
        Ok(Self {
            program,
            child,
            workers: Vec::new(),
            address,
            admin: address,
        })
    }

    /// Kills it, wherever it is.
    pub(crate) fn kill(&mut self) {
        // What matters is that nothing is left of it.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Waits for processes that this one starts, to be the ones that are measured.
    pub(crate) async fn find_workers(&mut self) -> Result<()> {
        let id = self.child.id();
        let deadline = Instant::now() + Duration::from_secs(5);
        while self.workers.is_empty() {
            let children = fs::read_to_string(format!("/proc/{id}/task/{id}/children"))?;
            self.workers = children.split(' ').filter_map(|child| child.parse().ok()).collect();
            if Instant::now() > deadline {
                return Err(format!("process {id} starts no worker").into());
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        Ok(())
    }

    /// Waits until it accepts connections.
    pub(crate) async fn reachable(&mut self) -> Result<()> {
        let deadline = Instant::now() + Duration::from_secs(60);
        while Client::connect(self.address).await.is_err() {
            if let Some(status) = self.child.try_wait()? {
                return Err(format!("{} ended at once: {status}", self.program).into());
            }
            if Instant::now() > deadline {
                return Err(format!("nothing listens on {}", self.address).into());
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        Ok(())
    }

    /// Returns an address that nothing listens on.
    pub(crate) fn free_address() -> Result<SocketAddr> {
        Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?)
    }

    /// Returns the numbers of the processes that are measured.
    pub(crate) fn ids(&self) -> impl Iterator<Item = u32> {
        let manager = self.workers.is_empty().then(|| self.child.id());
        manager.into_iter().chain(self.workers.iter().copied())
    }

    /// Returns the CPU time that each of its threads used so far, user and system, to the nanosecond.
    pub(crate) fn cpu(&self) -> Result<BTreeMap<u32, Duration>> {
        let mut threads = BTreeMap::new();
        for id in self.ids() {
            for thread in fs::read_dir(format!("/proc/{id}/task"))? {
                let thread = thread?;
                // One may end between being listed and being read.
                if let Ok(spent) = fs::read_to_string(thread.path().join("schedstat")) {
                    let nanos = spent.split(' ').next().ok_or("an empty schedstat")?;
                    let number = thread.file_name().to_string_lossy().parse()?;
                    threads.insert(number, Duration::from_nanos(nanos.parse()?));
                }
            }
        }
        if threads.is_empty() {
            return Err("this kernel does not tell the CPU time of threads (CONFIG_SCHED_INFO)".into());
        }
        Ok(threads)
    }

    /// Returns the memory it holds, in MiB.
    pub(crate) fn resident(&self) -> Result<f64> {
        self.memory("VmRSS:")
    }

    /// Returns the most memory it has held so far, in MiB.
    pub(crate) fn peak(&self) -> Result<f64> {
        self.memory("VmHWM:")
    }

    fn memory(&self, name: &str) -> Result<f64> {
        let each = self
            .ids()
            .map(|id| memory(Path::new(&format!("/proc/{id}/status")), name));
        each.sum::<Result<f64>>()
    }
}

fn memory(status: &Path, name: &str) -> Result<f64> {
    let status = fs::read_to_string(status)?;
    let line = status.lines().find_map(|line| line.strip_prefix(name));
    let line = line.ok_or("a process that is measured has ended")?;
    Ok(line.trim().trim_end_matches(" kB").parse::<f64>()? / 1024.0)
}
