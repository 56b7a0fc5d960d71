package import CLinux

// Sockets of unix(7) with a name in the file system; SOCK_SEQPACKET, like those of `makeSocketPair`.

/// Listens at a path, which must be free; bind(2), listen(2).
/// - Parameter seqpacket: without it the socket is a stream, for programs of others.
package func listen(at path: String, seqpacket: Bool = true) throws(Errno) -> OwnedFD {
    let socket = try localSocket(seqpacket: seqpacket)
    _ = try checked { path.withTerminatedBytes { skl_bind_local(socket.raw, $0) } }
    _ = try checked { CLinux.listen(socket.raw, SOMAXCONN) }
    return socket
}

/// - Parameter seqpacket: without it the socket is a stream, for programs of others.
/// - Throws: `ECONNREFUSED` where nobody listens any more, `ENOENT` where nobody ever did.
package func connect(to path: String, seqpacket: Bool = true) throws(Errno) -> OwnedFD {
    let socket = try localSocket(seqpacket: seqpacket)
    _ = try checked { path.withTerminatedBytes { skl_connect_local(socket.raw, $0) } }
    return socket
}

/// accept4(2).
package func acceptConnection(on listener: CInt) throws(Errno) -> OwnedFD {
    OwnedFD(adopting: try checked { skl_accept(listener) })
}

/// Returns the process that made the other end and its user, as the kernel recorded it; SO_PEERCRED of socket(7).
package func peer(of socket: CInt) throws(Errno) -> (pid: pid_t, uid: uid_t) {
    var (pid, uid) = (pid_t(0), uid_t(0))
    _ = try checked { skl_peer(socket, &pid, &uid) }
    return (pid, uid)
}

/// poll(2) for reading: those of the descriptors that have something (data, end or error). Negative waits for ever.
package func readable(among descriptors: [CInt], milliseconds: CInt) throws(Errno) -> [CInt] {
    var entries = descriptors.map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
    _ = try checked { poll(&entries, nfds_t(entries.count), milliseconds) }
    return entries.filter { $0.revents != 0 }.map(\.fd)
}

/// poll(2) for writing: whether a write would not wait now.
package func isWritable(_ fd: CInt) -> Bool {
    var entry = pollfd(fd: fd, events: Int16(POLLOUT), revents: 0)
    return poll(&entry, 1, 0) > 0
}

private func localSocket(seqpacket: Bool = true) throws(Errno) -> OwnedFD {
    let kind = seqpacket ? SOCK_SEQPACKET : SOCK_STREAM
    return OwnedFD(
        adopting: try checked { socket(AF_UNIX, CInt(kind.rawValue) | CInt(SOCK_CLOEXEC.rawValue), 0) })
}
