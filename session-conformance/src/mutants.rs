//! Backends that each break one sentence of the contract, to show that a clause catches it.

macro_rules! mutants {
    ($(#[$doc:meta])* $mutant:ident { $($(#[$say:meta])* $name:ident caught by $clause:ident,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum $mutant { $($(#[$say])* $name,)* }

        impl $mutant {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// The name of the first clause that it breaks.
            pub fn caught_by(self) -> &'static str {
                match self { $(Self::$name => stringify!($clause),)* }
            }
        }
    };
}
pub(crate) use mutants;

mutants! {
/// One defect of a [`MemoryBackend`](crate::MemoryBackend).
Mutant {
    /// Its kind has capitals and a blank.
    KindIsShouted caught by kind_is_a_word,
    /// Only the first handle promises figures.
    CapabilitiesDiffer caught by capabilities_constant,
    /// Looking makes a session.
    ProbeMakes caught by probe_changes_nothing,
    /// A new session runs.
    CreateStarts caught by create_makes_and_does_not_start,
    /// A new session is said to have ended well.
    NewHasAnExit caught by status_of_new_is_stopped_without_exit,
    /// Dropping a session's handle destroys it.
    DropDestroys caught by drop_does_nothing,
    /// A second `create` replaces the first.
    CreateOverwrites caught by create_twice_is_already_exists,
    /// `create` looks first and takes later.
    CreateRaces caught by concurrent_create_of_one_id,
    /// Of two that are made at the same time, one is refused.
    CreatesOneAtATime caught by creates_at_once_are_whole,
    /// `open` gives a handle to anything.
    OpenInvents caught by open_unknown_is_not_found,
    /// `open` knows only what the same handle made.
    OpenOnlyOwn caught by open_by_fresh_handle,
    /// `list` gives three sessions at most.
    ListStopsEarly caught by list_finds_everything,
    /// A session is lost when it is listed for the first time.
    ListLosesNewcomers caught by list_loses_no_newcomer,
    /// `create` wants the workspace to be filled, against the promise.
    CreateNeedsTheWorkspace caught by create_beside_workspace_as_promised,
    /// A comma in a path is the end of it.
    PathsEndAtCommas caught by create_takes_odd_directories,
    /// Nothing is labelled.
    LabelsForgotten caught by create_carries_labels,
    /// What is half made is not listed.
    ListHidesHalfMade caught by list_includes_half_made,
    /// `open` knows only what was made whole.
    OpenOnlyWhole caught by open_half_made_is_incomplete,
    /// Promised snapshots are not there.
    SnapshotsMissing caught by snapshots_as_promised,
    /// Promised figures are not there.
    StatsMissing caught by stats_as_promised,
    /// A main process that ended can be taken again.
    MainProcessOfTheDead caught by main_process_of_stopped_is_none,
    /// The first byte is written before anyone is there to read.
    FirstByteLost caught by start_gives_first_byte,
    /// A program that is not there runs and ends with 127.
    MissingProgramRuns caught by start_missing_program_is_invalid_input,
    /// A second `start` replaces the main process.
    StartsTwice caught by start_twice_is_refused,
    /// `start` looks first and takes later.
    StartRaces caught by concurrent_start_of_one_session,
    /// Every session runs since 1970.
    SinceTheEpoch caught by status_running_since,
    /// Only the backend handle that started it knows that it runs.
    StatusOnlyOwn caught by status_by_fresh_handle,
    /// `list` says that everything is stopped.
    ListSaysStopped caught by list_agrees_with_status,
    /// Dropping a session's handle ends its main process.
    DropStops caught by drop_leaves_it_running,
    /// The main process begins at the root.
    StartsElsewhere caught by start_runs_in_working_directory,
    /// The launch's environment is not set.
    LaunchEnvironmentForgotten caught by start_sets_environment,
    /// The caller's own environment comes along.
    EnvironmentInherited caught by start_environment_is_the_whole,
    /// The terminal is 80x24.
    LaunchSizeIgnored caught by start_has_a_terminal_of_the_size,
    /// What is typed goes nowhere.
    InputSwallowed caught by input_reaches_the_process,
    /// The main process is not told of a new size.
    ResizeIgnored caught by resize_reaches_the_process,
    /// Every failure has the code 1.
    ExitCodeIsABool caught by exit_code_is_a_value,
    /// An end by a signal has the signal's number as its code.
    SignalIsTheCode caught by signal_exit_is_128_plus,
    /// Only the first to wait is told.
    WaitOnce caught by wait_by_several,
    /// How the main process ended is not kept.
    ExitForgotten caught by exit_is_known_afterwards,
    /// The second `start` runs what the first one did.
    LaunchRemembered caught by restart_with_other_launch,
    /// `stop` fails where nothing ever ran.
    StopOfNewFails caught by stop_of_stopped_is_ok,
    /// `stop` does nothing.
    StopDoesNothing caught by stop_ends_the_main_process,
    /// `stop` fails where something ran before.
    SecondStopFails caught by stop_is_idempotent,
    /// How a stopped process ended is not kept.
    StopForgetsExit caught by stop_leaves_exit_known,
    /// What was stopped can't be started.
    StopIsFinal caught by start_after_stop,
    /// `stop` kills without a word.
    StopKillsAtOnce caught by stop_asks_first,
    /// `stop` has one way of asking.
    StopNeverHangsUp caught by stop_hangs_up_what_ignores_term,
    /// `stop` asks, waits, and returns.
    StopOnlyAsks caught by stop_kills_what_ignores_term,
    /// `stop` waits until what was written is read.
    StopAwaitsReader caught by unread_output_does_not_block_stop,
    /// `stop` ends the main process and not what that started.
    StopLeavesChildren caught by stop_ends_the_whole_tree,
    /// A running main process can't be taken again.
    MainProcessNotAgain caught by main_process_again,
    /// `destroy` fails where there never was anything.
    UnknownDestroyFails caught by destroy_unknown_is_ok,
    /// `destroy` does nothing.
    DestroyKeeps caught by destroy_removes,
    /// A second `destroy` fails.
    SecondDestroyFails caught by destroy_is_idempotent,
    /// `destroy` takes another session along.
    DestroyTakesANeighbour caught by destroy_leaves_the_others,
    /// `destroy` removes `spec.directory`.
    DestroyTakesTheDirectory caught by destroy_leaves_the_callers_directory,
    /// `destroy` forgets the session and lets it run.
    DestroyLeavesProcesses caught by destroy_running_ends_it,
    /// `destroy` removes only what was made whole.
    DestroyMissesHalfMade caught by interrupted_create_converges,
    /// What was made and not answered stays.
    UnansweredCreateStays caught by unanswered_create_is_taken_back,
    /// What an engine starts after its client gave up is the main process.
    LateStartRuns caught by late_start_is_no_main_process,
    /// A vanished session is an error.
    VanishedIsAnError caught by vanished_is_lost_not_err,
    /// A vanished session makes `list` fail.
    ListBreaksOnLost caught by lost_does_not_break_the_list,
    /// `get` packs nothing for what is not there.
    GetInvents caught by get_missing_is_not_found,
    /// `put` wants the directory to be there.
    PutNeedsTheDirectory caught by put_makes_the_directory,
    /// `get` packs what is in a directory and not its name.
    GetForgetsTheName caught by get_names_begin_with_the_last_component,
    /// Every file has the mode 644.
    ModesForgotten caught by put_get_round_trip,
    /// Names that are not UTF-8 are mended.
    NamesMadeText caught by put_get_keeps_odd_names,
    /// Names that are not ASCII or that are long end at their first line end.
    NamesCutAtLineEnds caught by put_get_keeps_odd_names,
    /// `put` leaves a file that is there.
    PutKeepsTheOld caught by put_replaces_files,
    /// `put` follows `..`.
    PutGoesUp caught by put_refuses_parent_paths,
    /// `put` writes to absolute paths.
    PutGoesAnywhere caught by put_refuses_absolute_paths,
    /// `put` makes links that lead out.
    PutLinksOut caught by put_refuses_links_out,
    /// `put` makes devices.
    PutMakesDevices caught by put_refuses_devices,
    /// `put` takes everything back on a bad entry.
    PutIsAllOrNothing caught by put_keeps_the_entries_before_the_bad_one,
    /// `exec` is refused without a main process, against the promise.
    ExecNeedsMain caught by exec_when_stopped_as_promised,
    /// What `exec` runs writes to the main terminal as well.
    ExecWritesToTheTerminal caught by exec_beside_the_main_process,
    /// Everything that `exec` runs ends well.
    ExecIsAlwaysWell caught by exec_exit_code_is_a_value,
    /// To `exec`, a program that is not there runs and ends with 127.
    ExecMissingRuns caught by exec_missing_program_is_invalid_input,
    /// `exec` begins at the root.
    ExecStartsElsewhere caught by exec_begins_in_working_directory,
    /// `exec` always begins in the working directory.
    ExecDirectoryIgnored caught by exec_directory_is_relative_to_it,
    /// The request's environment is not set.
    ExecEnvironmentForgotten caught by exec_sets_environment,
    /// The terminal of an `exec` is 80x24.
    ExecSizeIgnored caught by exec_has_a_terminal_of_the_size,
    /// What `exec` runs is not told of a new size.
    ExecResizeIgnored caught by exec_resize_reaches_the_process,
    /// A signal to a process that ended is an error.
    LateSignalFails caught by exec_signal_after_the_end_is_ok,
    /// A signal does not reach children.
    SignalMissesChildren caught by exec_signal_reaches_children,
    /// Standard error goes to standard output.
    ErrorsAreOutput caught by exec_streams_are_separate,
    /// An input that was not asked for never ends.
    InputNeverEnds caught by exec_without_input_sees_the_end,
    /// The end of an input does not arrive.
    ShutdownIgnored caught by exec_input_is_half_closed,
    /// Output that is not UTF-8 is mended.
    OutputMadeText caught by exec_output_need_not_be_text,
    /// A second `exec` is refused while one runs.
    ExecOneAtATime caught by exec_concurrently,
    /// `stop` leaves what `exec` runs.
    StopSparesExecs caught by stop_ends_what_exec_runs,
    /// While output of one `exec` is not read, no other is started.
    UnreadExecBlocksOthers caught by exec_unread_blocks_nobody,
    /// `put` writes through links.
    PutFollowsLinks caught by put_does_not_follow_links,
    /// `stop` ends every session's main process.
    StopStopsAll caught by two_sessions_do_not_meet,
    /// Bytes that are zero are lost.
    ExecDropsNul caught by exec_is_binary_clean,
    /// The end of a long output is lost.
    OutputCutShort caught by output_complete_at_exit,
}
}
