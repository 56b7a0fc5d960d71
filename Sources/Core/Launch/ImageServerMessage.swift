/// The messages between skiff and skiff-mount over the control socket, one byte a packet.
package enum ImageServerMessage: UInt8, Sendable {
    /// From the command, with the file in which an encrypted image's plugin has kept what opens it: the first message.
    case key = 0x4B
    /// From the child: /dev/fuse, with the image mounted on it.
    case mounted = 0x4D
    /// From the monitor: the container's first process has ended. Is the image mounted any more?
    case question = 0x51
    /// From the server: nobody has it mounted, and the server ends.
    case gone = 0x47
    /// From the server, after a question: somebody has it mounted.
    case busy = 0x42
    /// From the server, with a text: it cannot serve the image.
    case refusal = 0x45

    /// - Returns: nil for an empty packet, which is the end of the connection, and for an unknown message.
    package init?(_ packet: [UInt8]) {
        guard let first = packet.first else { return nil }
        self.init(rawValue: first)
    }
}
