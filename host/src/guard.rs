//! Every guard that stands between a hostile component and the user, by name.
//!
//! A guard is a rule that some line of kst holds. In every kst that is built to be used, all of them
//! hold: `Guard::holds` is always true, and nothing can change that. The tests in `tests/hostile`
//! attack each one, and to prove that an attack would land without it they build a program of their
//! own (`tests/hostile/unguarded.rs`) in which single guards can be taken away.

macro_rules! guards {
    ($($(#[$doc:meta])+ $name:ident,)+) => {
        /// A guard.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Guard {
            $($(#[$doc])+ $name,)+
        }

        impl Guard {
            /// All guards.
            pub const ALL: &[Guard] = &[$(Guard::$name),+];

            /// Its name, as in this list.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Guard::$name => stringify!($name),)+
                }
            }
        }
    };
}

guards! {
    /// A form runs in the operations that it was approved for, and in no other.
    Operations,
    /// While kst reads (`probe`, `list`, `status`, `logs`, `follow`), nothing that changes anything is run, nor
    /// accepted in a manifest.
    ReadsOnly,
    /// Only forms that read are run several at once.
    ReadsTogether,
    /// A changing form runs once in an operation.
    OnceEach,
    /// A plan is not run for a backend, and what a backend runs is no plan.
    PlansApart,
    /// Only `stop` ends processes.
    EndsInStop,
    /// A form that begins with another location's program is refused.
    OwnLocation,
    /// The number of runs in an operation.
    RunCount,
    /// A backend's own parameter is no option, no second command and no control characters.
    Parameters,
    /// A backend's own parameter does not choose what a program does.
    OwnCommands,
    /// A backend's own parameter does not choose the lines that ids are taken from.
    OwnLines,
    /// A value of the request is not read as an option.
    Dashes,
    /// The size of a command.
    CommandSize,
    /// A variable meant for the session does not steer the engine's client.
    ClientVariables,
    /// Changing forms and plans carry all of the request.
    WholeRequest,
    /// A session that kst did not make is started as it is, and nothing else is done to it by that.
    AsItIs,
    /// Changing forms and plans say which session they are about.
    NamesSession,
    /// Changing forms, plans and forms that tell of sessions say which place they are about, where an
    /// engine has several.
    NamesLocation,
    /// An id belongs to the session in whose line it stands.
    BoundByName,
    /// Where two sessions answer to one name, neither is acted on.
    OneSession,
    /// The session that was found is the one that is acted on.
    FoundSession,
    /// A line that tells of another start of that name binds nothing.
    ThisRun,
    /// A name ends where its column ends: what stands in the next one is no part of the rest.
    WholeColumns,
    /// What is no plain id is none.
    PlainIds,
    /// What a program printed that did not end by itself binds nothing.
    WholeOutput,
    /// The number of lines read of one output.
    OutputLines,
    /// The bytes read of one output.
    OutputBytes,
    /// A run is over at its deadline.
    RunDeadline,
    /// An operation is over at its deadline, whatever a backend waits for.
    OperationDeadline,
    /// The number of programs that run at once.
    RunsAtOnce,
    /// A run is over when its program is, whatever that left behind.
    EndsWithItsProgram,
    /// A program that is killed goes with its process group.
    WholeGroup,
    /// Only absolute folders of PATH choose a program.
    AbsolutePath,
    /// The file that was found is the file that is run.
    SameFile,
    /// A program that is run has no input.
    NoInput,
    /// Processes that an engine names are ended only below that engine's program.
    BelowEngine,
    /// A manifest has bounded size.
    ManifestSize,
    /// A manifest is plain text, with nothing invisible in it.
    PlainManifest,
    /// Nothing is declared twice under one name.
    DeclaredOnce,
    /// A program is a plain name, to be looked up on PATH.
    PlainPrograms,
    /// The size of a component's file.
    ComponentSize,
    /// The time that compiling a component takes.
    CompileTime,
    /// The memory that compiling a component takes.
    CompileMemory,
    /// The number of core instances, memories and tables in a component.
    Instances,
    /// A component's memory.
    Memory,
    /// A component's tables.
    Tables,
    /// A component's time.
    Time,
    /// A component's stack.
    Stack,
    /// The bytes that one call passes to the host.
    Transfer,
    /// The number of sessions returned.
    Sessions,
    /// The length of a session's name.
    SaneNames,
    /// The length of a text returned.
    Texts,
    /// The number of a session's details.
    Details,
    /// A backend that is asked for one session answers with that.
    AnswersAsAsked,
    /// A session that still runs under its shim runs, whatever its backend says.
    ShimsWord,
    /// Nothing runs of a component that nobody approved.
    Approval,
    /// What was approved binds, whatever the component says of itself now.
    ApprovedCopy,
    /// A component's file is its user's or root's, and nobody else can write to it.
    OwnFile,
    /// Approvals, and components in the plugins folder, are no symbolic links.
    NoLinks,
    /// A stranger does not take a built-in backend's name.
    BuiltInNames,
    /// Compiled code is loaded only as kst wrote it, for this component.
    CacheSeal,
    /// Compiled code is loaded only from files and a folder that are the user's own.
    CacheOwner,
    /// The folders in which kst keeps its ledger, tickets and logs are open to nobody else.
    StateOwner,
    /// A ticket is good for one reader.
    TicketOnce,
    /// A ticket is a file of the user's own in a folder of the user's own.
    TicketOwner,
    /// The config of the working directory chooses no program, and raises no limit.
    DirectoryConfig,
    /// What strangers say is shown without what a terminal would act on.
    ShownPlain,
}

impl Guard {
    /// Whether it holds.
    #[inline]
    pub fn holds(self) -> bool {
        crate::holds(self)
    }

    /// A limit, which is larger where the guard was taken away.
    #[inline]
    pub(crate) fn limit<N: std::ops::Mul<N, Output = N> + From<u8>>(self, limit: N) -> N {
        if self.holds() { limit } else { limit * N::from(16) }
    }
}
