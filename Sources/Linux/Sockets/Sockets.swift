import CLinux

/// pipe2(2): first reads, second writes; both close-on-exec.
package func makePipe() throws(Errno) -> DescriptorPair {
    var ends: (CInt, CInt) = (-1, -1)
    _ = try checked {
        withUnsafeMutableBytes(of: &ends) { pipe2($0.baseAddress?.assumingMemoryBound(to: CInt.self), O_CLOEXEC) }
    }
    return DescriptorPair(first: ends.0, second: ends.1)
}

/// socketpair(2), unix(7): message boundaries kept with `seqpacket`.
package func makeSocketPair(seqpacket: Bool = true) throws(Errno) -> DescriptorPair {
    var ends: (CInt, CInt) = (-1, -1)
    let kind = seqpacket ? CInt(SOCK_SEQPACKET.rawValue) : CInt(SOCK_STREAM.rawValue)
    _ = try checked {
        withUnsafeMutableBytes(of: &ends) {
            socketpair(
                AF_UNIX, kind | CInt(SOCK_CLOEXEC.rawValue), 0, $0.baseAddress?.assumingMemoryBound(to: CInt.self))
        }
    }
    return DescriptorPair(first: ends.0, second: ends.1)
}

/// sendmsg(2) with at most one descriptor (SCM_RIGHTS), which stays the caller's.
package func sendMessage(_ bytes: [UInt8], descriptor: CInt? = nil, over socket: CInt) throws(Errno) {
    _ = try checked { skl_send_descriptor(socket, bytes, bytes.count, descriptor ?? -1) }
}

/// recvmsg(2): the bytes (empty at the end of the connection) and the descriptor that came with them.
package func receiveMessage(limit: Int = 4096, over socket: CInt) throws(Errno) -> ReceivedMessage {
    var buffer = [UInt8](repeating: 0, count: limit)
    var descriptor: CInt = -1
    let count = try checked { skl_receive_descriptor(socket, &buffer, limit, &descriptor) }
    return ReceivedMessage(
        bytes: Array(buffer[..<count]), descriptor: descriptor >= 0 ? OwnedFD(adopting: descriptor) : nil)
}

/// recvmsg(2) into memory of the caller, so that no other copy exists; a descriptor that comes with it is closed.
/// - Returns: how many bytes came; 0 at the end of the connection.
package func receiveMessage(into buffer: UnsafeMutableRawBufferPointer, over socket: CInt) throws(Errno) -> Int {
    var descriptor: CInt = -1
    let count = try checked { skl_receive_descriptor(socket, buffer.baseAddress, buffer.count, &descriptor) }
    if descriptor >= 0 { _ = OwnedFD(adopting: descriptor) }
    return count
}

/// explicit_bzero(3): no compiler removes it as useless work.
package func wipe(_ buffer: UnsafeMutableRawBufferPointer) {
    if let start = buffer.baseAddress { explicit_bzero(start, buffer.count) }
}

package struct ReceivedMessage: ~Copyable {
    package let bytes: [UInt8]
    package var descriptor: OwnedFD?
}

/// poll(2) for reading, on one descriptor: true when there is something (data, end or error). Negative waits for ever.
package func waitReadable(_ fd: CInt, milliseconds: CInt) throws(Errno) -> Bool {
    var entry = pollfd(fd: fd, events: Int16(POLLIN), revents: 0)
    return try checked { poll(&entry, 1, milliseconds) } > 0
}

/// inet_pton(3): whether a text is an IPv4 or IPv6 address.
package func isInternetAddress(_ text: String) -> Bool {
    var space = in6_addr()
    return inet_pton(AF_INET, text, &space) == 1 || inet_pton(AF_INET6, text, &space) == 1
}
