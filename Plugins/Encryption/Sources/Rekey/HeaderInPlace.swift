import PluginKit

/// The header of a volume in its file, and the copy in memory that is changed.
struct HeaderInPlace {
    enum Order {
        /// New slots, then the header that names them.
        case slotsFirst
        /// The header, then the slots that it names no more.
        case headerFirst
    }

    let part: FilePart
    let file: LUKSHeaderFile
    /// Where the second copy of the header begins, and where it ends, in bytes from the start.
    let copies: (second: UInt64, end: UInt64)

    private static let block: UInt64 = 4096
    /// No header that anybody makes is larger, in bytes.
    private static let longest: UInt64 = 256 << 20

    /// - Parameter memory: has a whole copy of the header.
    init(_ part: FilePart, _ header: LUKSHeader, _ memory: HostFile) throws(PluginError) {
        guard header.dataOffset <= Self.longest else {
            throw PluginError("cannot change the keys: the LUKS2 header has \(header.dataOffset) bytes")
        }
        (self.part, copies) = (part, (header.copySize, 2 * header.copySize))
        do throws(SystemError) {
            // Free slots, too: what is in the file and not in memory would be overwritten.
            try Host.copy(
                part.descriptor, from: Int64(clamping: part.offset + copies.end), to: memory.descriptor,
                at: Int64(clamping: copies.end), size: Int64(clamping: header.dataOffset - copies.end))
        } catch {
            throw PluginError("cannot read the LUKS2 header", error)
        }
        file = try LUKSHeaderFile(adopting: memory, size: header.dataOffset)
    }

    /// Writes what differs in the file, each part of it to the disk before the next one is begun.
    func write(_ order: Order) throws(PluginError) {
        // The first copy comes last: until it is whole the other one is.
        let header = [copies.second..<copies.end, 0..<copies.second]
        let slots = [copies.end..<file.size]
        do throws(SystemError) {
            for range in order == .slotsFirst ? slots + header : header + slots where try update(range) {
                try Host.synchronize(part.descriptor)
            }
        } catch {
            throw PluginError("cannot write the LUKS2 header", error)
        }
    }

    /// - Returns: whether anything differed.
    private func update(_ range: Range<UInt64>) throws(SystemError) -> Bool {
        var isChanged = false
        var place = range.lowerBound
        while place < range.upperBound {
            let count = Int(min(256 * Self.block, range.upperBound - place))
            let new = try Host.read(file.file.descriptor, at: Int64(clamping: place), count: count)
            let old = try Host.read(part.descriptor, at: Int64(clamping: part.offset + place), count: count)
            for start in stride(from: 0, to: new.count, by: Int(Self.block)) {
                let end = min(start + Int(Self.block), new.count)
                guard old.count < end || new[start..<end] != old[start..<end] else { continue }
                try Host.write(
                    Array(new[start..<end]), to: part.descriptor,
                    at: Int64(clamping: part.offset + place + UInt64(start)))
                isChanged = true
            }
            place += UInt64(count)
        }
        return isChanged
    }
}
