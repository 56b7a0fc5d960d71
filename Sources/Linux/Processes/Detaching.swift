import CLinux

/// Cuts off a helper that runs next to a container, perhaps longer than the command that started it; called first of
/// all. The helper then holds nothing of its caller's, and no process of the same user can read its memory or its
/// descriptors.
///
/// - Parameter kept: descriptors that stay open; nil for all above 2, where code that is not ours uses some.
package func detachFromCaller(keeping kept: [CInt]?) {
    try? setDumpable(false)
    // A program of the same user may have stopped us: then we would never learn that the caller has ended.
    try? setParentDeathSignal(SIGCONT)
    // Fails when the caller has already made the session.
    leaveSession()
    try? changeDirectory("/")
    if let null = try? open("/dev/null", O_RDWR) {
        for standard: CInt in 0...2 { _ = dup2(null.raw, standard) }
    }
    if let kept { closeDescriptors(except: kept) }
    for signal in [SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGPIPE, SIGTSTP, SIGUSR1, SIGUSR2] { ignoreSignal(signal) }
    try? setNoNewPrivileges()
}

/// Gives this process a session keyring of its own, so that it sees no keys of its caller; keyrings(7).
/// - Throws: `ENOSYS` for a kernel without keys.
package func leaveSessionKeyring() throws(Errno) { _ = try checked { skl_new_session_keyring() } }

/// setsid(2): no terminal sends signals to this process any more.
package func leaveSession() { _ = setsid() }
