package import Base
import Linux

/// Makes a SIF file or changes one, in place, in the order of Docs/spec/sif.md §10: bytes of objects first, then
/// `commit()` writes the table, then the header. Before `commit()` a reader sees the file as it was.
///
/// An edit that is killed leaves the objects as they were: what it wrote after the old end of the file is in no table.
/// `guardingEdit` cuts it off, or the next edit does.
///
/// The descriptor is lent and must be open for reading and writing. To make a new file, give it a temporary name,
/// commit, fsync and rename.
package struct SIFEditor: Sendable {
    package internal(set) var image: SIFImage
    /// Stamped on everything that is changed; Unix seconds. Deterministic images remain without times.
    package var time: Int64
    let file: CInt
    var begun: Begun?
    private var isSynchronized: Bool
    /// Whether the file is cut off behind its last object.
    var cutsTail = false
    /// Length of the file before anything of this edit was written; nil before that.
    private var oldLength: Int64?
    /// Where objects lay that are gone, or elsewhere.
    var abandoned: [ByteRange] = []
    /// Where the objects lie that readers of the file see.
    private(set) var visible: [ByteRange] = []
    var visibleEnd: Int64 { visible.map { $0.offset + $0.size }.max() ?? 0 }
    /// The table as it is in the file; empty for a new one.
    private var storedTable: [UInt8]
    private let mark: SIFEditMark

    struct Begun: Sendable {
        let object: SIFNewObject
        let slot: Int
        let offset: Int64
        /// Where the objects before it end.
        let unaligned: Int64
        /// Length of the file before anything of this object was written.
        let length: Int64
        /// Whether it lies between others.
        let isGap: Bool
    }

    /// For a new, empty file. Nothing is written before the first object or `commit()`.
    package init(creating creation: SIFCreation, on file: CInt) throws(SkiffError) {
        guard creation.launchScript.utf8.count < SIFFormat.launchSize else {
            throw SkiffError("launch script value too large")
        }
        guard (0...Int(SIFFormat.maximumCapacity)).contains(creation.capacity) else {
            throw SkiffError("invalid SIF header: \(creation.capacity) descriptors")
        }
        var identifier = SIFIdentifier.zero
        var time = SIFFormat.zeroTime
        if !creation.isDeterministic {
            if let given = creation.identifier { identifier = given } else { identifier = try .random() }
            time = creation.time ?? currentTime()
        }
        self.file = file
        self.time = time
        isSynchronized = false
        storedTable = []
        mark = SIFEditMark()
        image = SIFImage(
            header: SIFHeader(
                launch: Array(creation.launchScript.utf8), architecture: .unknown, identifier: identifier,
                created: time,
                modified: time, capacity: creation.capacity))
    }

    /// For a file to be changed. Waits until nobody else is changing it; the descriptor keeps the lock until it is
    /// closed.
    package init(opening file: CInt) throws(SkiffError) {
        self.file = file
        try Self.waitForTurn(file)
        let image = try SIFImage(reading: file)
        self.image = image
        storedTable = image.encodedTable
        visible = image.objects.map(\.range)
        mark = try during("cannot look at the SIF file") { () throws(Errno) in
            let mark = try SIFEditMark(file, image.header)
            if let length = mark.length {
                // Nothing that belongs to an object is cut off, whatever the mark says.
                if image.dataEnd <= length, try status(of: file).size > length { try ftruncate(file, length) }
                try mark.clear()
            }
            return mark
        }
        time = image.header.isDeterministic ? SIFFormat.zeroTime : currentTime()
        isSynchronized = true
    }

    /// A file system without locks, as on some clusters, must do without them.
    private static func waitForTurn(_ file: CInt) throws(SkiffError) {
        do throws(Errno) {
            try lock(file)
        } catch  where error == .notSupported || error == .noSystemCall || error == .noLocks {
            Log.verbose("The file system knows no locks: nobody else may change the SIF file at the same time")
        } catch {
            throw SkiffError("cannot lock the SIF file", errno: error)
        }
    }

    /// Writes table and header. In a file that others may have open the bytes of new objects reach the disk first, so
    /// that a power cut cannot leave an entry for bytes that are not there.
    package mutating func commit() throws(SkiffError) {
        try during("cannot write the SIF file") { () throws(Errno) in
            if isSynchronized { try fsync(file) }
            try writeTable()
            try writeFully(file, image.header.encoded, at: 0)
            let end = max(image.dataEnd, image.header.dataOffset)
            if cutsTail, try status(of: file).size > end { try ftruncate(file, end) }
            try mark.clear()
        }
        giveUpAbandonedRoom()
        (cutsTail, oldLength) = (false, nil)
        visible = image.objects.map(\.range)
    }

    /// Ends an edit that is not committed, and leaves the file as it was.
    package mutating func abandon() {
        abandonObject()
        guard let oldLength else { return }
        self.oldLength = nil
        if let length = try? length(), length > oldLength { try? ftruncate(file, oldLength) }
        try? mark.clear()
    }

    /// Writes the slots that have changed, so that no reader ever sees half of a used one, even after a kill: the byte
    /// that says whether a slot is used is written last for a new one, and first for one that goes. A slot's first five
    /// bytes are the type and that byte.
    private mutating func writeTable() throws(Errno) {
        let table = image.encodedTable
        let start = image.header.descriptorsOffset
        guard storedTable.count == table.count else {
            try writeFully(file, table, at: start)
            storedTable = table
            return
        }
        let (size, head) = (SIFFormat.descriptorSize, 5)
        for slot in stride(from: 0, to: table.count, by: size)
        where storedTable[slot..<slot + size] != table[slot..<slot + size] {
            let parts = [slot + head..<slot + size, slot..<slot + head]
            for part in table[slot + head - 1] == 0 ? parts.reversed() : parts {
                try writeFully(file, Array(table[part]), at: start + Int64(part.lowerBound))
            }
        }
        storedTable = table
    }
}

// MARK: - Adding

extension SIFEditor {
    /// Chooses the place of a new object, and returns where it is; the caller then writes the bytes there itself.
    ///
    /// `finishObject` enters it in the table; without that nothing has happened.
    package mutating func beginObject(_ object: SIFNewObject) throws(SkiffError) -> Int64 {
        guard begun == nil else { throw SkiffError("cannot begin an object: another one is not finished") }
        let used = Set(image.slots)
        guard let slot = (0..<Int(image.header.descriptorsTotal)).first(where: { !used.contains($0) }) else {
            throw SkiffError("insufficient descriptor capacity to add data object(s) to image")
        }
        guard object.name.count <= SIFFormat.nameSize else { throw SkiffError("name value too large") }
        if case .partition(let facts) = object.extra {
            guard facts.architecture.code != 0 else {
                throw SkiffError("unknown architecture: \(facts.architecture.name)")
            }
            if facts.role == .primarySystem, image.objects.contains(where: \.isPrimarySystem) {
                throw SkiffError("image already contains a primary partition")
            }
        }
        return try begin(object, slot: slot)
    }

    /// Chooses a place behind all objects, or takes the one that begins at `gap`, and notes what the file was.
    mutating func begin(_ object: SIFNewObject, slot: Int, gap: Int64? = nil) throws(SkiffError) -> Int64 {
        // What readers still see is not written over, even when this edit has taken it out of the table.
        let unaligned = gap ?? max(image.dataEnd, visibleEnd)
        // A foreign header can say anything.
        let tableEnd = image.header.descriptorsOffset + image.header.tableSize
        guard unaligned >= max(tableEnd, Int64(SIFFormat.headerSize)) else {
            throw SkiffError("cannot add to the SIF file: its objects do not lie behind its table")
        }
        let offset = try Self.roundedUp(unaligned, to: object.effectiveAlignment)
        let length = try self.length()
        if oldLength == nil {
            try during("cannot write the SIF file") { () throws(Errno) in try mark.write(length) }
            oldLength = length
        }
        begun = Begun(
            object: object, slot: slot, offset: offset, unaligned: unaligned, length: length, isGap: gap != nil)
        return offset
    }

    /// Forgets the object that was begun, and cuts off what was written of it beyond the old end of the file.
    package mutating func abandonObject() {
        guard let begun else { return }
        self.begun = nil
        // The object is in no table: if this fails too, the file is only longer than it need be.
        if let length = try? length(), length > begun.length { try? ftruncate(file, begun.length) }
        guard begun.length == oldLength else { return }
        oldLength = nil
        try? mark.clear()
    }

    func length() throws(SkiffError) -> Int64 {
        try during("cannot look at the SIF file") { () throws(Errno) in try status(of: file).size }
    }

    /// - Parameter size: bytes that were written at the offset from `beginObject`.
    @discardableResult
    package mutating func finishObject(size: Int64) throws(SkiffError) -> SIFDescriptor {
        let begun = try checkWritten(size)
        let object = begun.object
        let added = SIFDescriptor(
            type: object.type, id: UInt32(begun.slot + 1), group: object.group, link: object.link, offset: begun.offset,
            size: size, paddedSize: begun.offset - begun.unaligned + size, time: time, name: object.name,
            extra: object.extra)
        insert(added, slot: begun.slot)
        image.header.dataSize = max(0, added.end - image.header.dataOffset)
        if let partition = added.partition, partition.role == .primarySystem {
            image.header.architecture = partition.architecture
        }
        image.header.modified = time
        self.begun = nil
        return added
    }

    /// Returns what was begun, when its bytes are in the file.
    func checkWritten(_ size: Int64) throws(SkiffError) -> Begun {
        guard let begun else { throw SkiffError("cannot finish an object: none was begun") }
        let (end, overflow) = begun.offset.addingReportingOverflow(size)
        guard size >= 0, !overflow else { throw SkiffError("cannot finish an object of \(size) bytes") }
        let length = try length()
        guard size == 0 || length >= end else {
            throw SkiffError(
                "cannot finish an object of \(size) bytes: the file has only \(length - begun.offset) of them")
        }
        return begun
    }

    /// Adds an object whose bytes are at hand.
    @discardableResult
    package mutating func add(_ object: SIFNewObject, bytes: [UInt8]) throws(SkiffError) -> SIFDescriptor {
        let offset = try beginObject(object)
        do throws(SkiffError) {
            try during("cannot write the SIF file") { () throws(Errno) in try writeFully(file, bytes, at: offset) }
            return try finishObject(size: Int64(bytes.count))
        } catch {
            abandonObject()
            throw error
        }
    }

    private mutating func insert(_ object: SIFDescriptor, slot: Int) {
        let place = image.slots.firstIndex { $0 > slot } ?? image.slots.count
        image.objects.insert(object, at: place)
        image.slots.insert(slot, at: place)
        countFree()
    }

    /// Counts the free slots: the number in a foreign file may be wrong, ours is right.
    private mutating func countFree() {
        image.header.descriptorsFree = image.header.descriptorsTotal - Int64(image.objects.count)
    }

    static func roundedUp(_ offset: Int64, to alignment: Int64) throws(SkiffError) -> Int64 {
        guard alignment > 1, offset % alignment != 0 else { return offset }
        let (result, overflow) = offset.addingReportingOverflow(alignment - offset % alignment)
        if overflow { throw SkiffError("cannot align an object to \(alignment) bytes") }
        return result
    }
}

// MARK: - Changing

extension SIFEditor {
    /// Takes an object out of the table; Docs/spec/sif.md §10.
    ///
    /// - Parameters:
    ///   - zero: overwrites its bytes with zeros.
    ///   - compact: cuts the file after the last object that is left. Objects never move.
    ///   - reclaims: makes a hole where it was, where the file system can.
    package mutating func delete(id: UInt32, zero: Bool = false, compact: Bool = false, reclaims: Bool = false)
        throws(SkiffError)
    {
        let object = try image.object(id: id)
        guard let index = image.objects.firstIndex(of: object) else { throw SkiffError("object not found") }
        if zero { try overwriteWithZeros(object.range, "object \(id)") }
        if reclaims { abandoned.append(object.range) }
        image.objects.remove(at: index)
        image.slots.remove(at: index)
        countFree()
        if object.isPrimarySystem { image.header.architecture = .unknown }
        image.header.modified = time
        if compact {
            image.header.dataSize = max(0, image.dataEnd - image.header.dataOffset)
            cutsTail = true
        }
    }

    /// Makes a partition of type System the root; the previous root becomes a System partition. Changes nothing when it
    /// is the root already.
    package mutating func setPrimary(id: UInt32) throws(SkiffError) {
        let chosen = try image.object(id: id)
        guard var partition = chosen.partition else { throw SkiffError("data object not a partition") }
        if partition.role == .primarySystem { return }
        guard partition.role == .system else { throw SkiffError("data object not a system partition") }
        for index in image.objects.indices where image.objects[index].isPrimarySystem {
            if var former = image.objects[index].partition {
                former.role = .system
                replaceExtra(at: index, .partition(former))
            }
        }
        partition.role = .primarySystem
        if let index = image.objects.firstIndex(of: chosen) { replaceExtra(at: index, .partition(partition)) }
        image.header.architecture = partition.architecture
        image.header.modified = time
    }

    /// Records the digest of an OCI object whose bytes were changed in place: `sha256:` and 64 digits.
    package mutating func setDigest(_ digest: String, id: UInt32) throws(SkiffError) {
        let object = try image.object(id: id)
        guard object.type == .ociBlob || object.type == .ociRootIndex else {
            throw SkiffError("cannot set the digest of object \(id): it is no OCI object")
        }
        if let index = image.objects.firstIndex(of: object) { replaceExtra(at: index, .digest(Array(digest.utf8))) }
        image.header.modified = time
    }

    private mutating func replaceExtra(at index: Int, _ extra: SIFExtra) {
        image.objects[index].storedExtra = extra.encoded
        image.objects[index].modified = time
    }

    func overwriteWithZeros(_ range: ByteRange, _ what: String) throws(SkiffError) {
        try during("cannot overwrite \(what)") { () throws(Errno) in
            // A size beyond the end of the file must not make the file grow.
            let end = min(range.offset + range.size, try status(of: file).size)
            let zeros = [UInt8](repeating: 0, count: 1 << 16)
            var offset = range.offset
            if offset < end, (try? punchHole(file, offset: offset, size: end - offset)) != nil { return }
            while offset < end {
                let count = Int(min(Int64(zeros.count), end - offset))
                try writeFully(file, Array(zeros[..<count]), at: offset)
                offset += Int64(count)
            }
        }
    }
}

extension SIFIdentifier {
    /// A random UUID; RFC 9562, version 4.
    package static func random() throws(SkiffError) -> SIFIdentifier {
        let bytes = try during("cannot make a UUID") { () throws(Errno) in try randomBytes(16) }
        let halves = [bytes[0..<8], bytes[8..<16]].map { half in half.reduce(0 as UInt64) { $0 << 8 | UInt64($1) } }
        return SIFIdentifier(
            high: halves[0] & 0xFFFF_FFFF_FFFF_0FFF | 0x4000, low: halves[1] & 0x3FFF_FFFF_FFFF_FFFF | 0x8000 << 48)
    }
}
