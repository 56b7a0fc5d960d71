import CLinux

/// What a helper does first that runs beside a container, perhaps longer than the command that started it: it holds nothing
/// of its caller, and nobody of the same user reads its memory or its descriptors.
///
/// - Parameter kept: descriptors that stay open.
package func detachFromCaller(keeping kept: [CInt]) {
    try? setDumpable(false)
    // A program of the same user may have stopped us: then we would never hear that the caller has ended.
    try? setParentDeathSignal(SIGCONT)
    // Fails when the caller has made the session already.
    _ = setsid()
    try? changeDirectory("/")
    if let null = try? open("/dev/null", O_RDWR) {
        for standard: CInt in 0...2 { _ = dup2(null.raw, standard) }
    }
    closeDescriptors(except: kept)
    for signal in [SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGPIPE, SIGTSTP, SIGUSR1, SIGUSR2] { ignoreSignal(signal) }
    try? setNoNewPrivileges()
}
