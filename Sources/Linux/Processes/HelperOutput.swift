import CLinux

/// Runs a helper to its end and reads what it writes to one of its descriptors.
///
/// - Parameters:
///   - number: the descriptor of the helper that is read.
///   - input: what it gets on its standard input; shorter than any pipe.
///   - descriptors: as for `spawn`, besides these two.
///   - limit: the most bytes that it may write.
/// - Returns: what it wrote, and how it ended.
package func output(
    of path: String, _ arguments: [String], environment: [String], from number: CInt = 1, input: String? = nil,
    descriptors: [(child: CInt, parent: CInt)] = [], limit: Int
) throws(Errno) -> (bytes: [UInt8], status: ExitStatus?) {
    let pipe = try makePipe()
    let reader = OwnedFD(adopting: pipe.first)
    let writer = OwnedFD(adopting: pipe.second)
    var given = descriptors + [(number, writer.raw)]
    var stdin: OwnedFD?
    if let input {
        // Filled before the other end can be closed: so no signal comes, see pipe(7).
        let ends = try makePipe()
        let source = OwnedFD(adopting: ends.first)
        let filling = OwnedFD(adopting: ends.second)
        try writeFully(filling.raw, input)
        given.append((0, source.raw))
        stdin = consume source
    }
    let pid = try spawn(path, arguments, environment: environment, descriptors: given)
    // Otherwise the end of the helper would never show.
    try? writer.close()
    try? stdin.take()?.close()
    let bytes: [UInt8]
    do throws(Errno) {
        bytes = try readToEnd(reader.raw, limit: limit)
    } catch {
        try? reader.close()
        _ = try? waitFor(pid)
        throw error
    }
    return (bytes, try waitFor(pid)?.status)
}
