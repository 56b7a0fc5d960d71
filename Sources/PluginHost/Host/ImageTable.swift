import CLinux
package import Core
import Linux
import PluginAPI

/// The image file of a session: open for reading as long as the command lives.
package struct SessionImage {
    let descriptor: Int32
    /// The objects of a SIF, or one that stands for a bare file.
    let sections: [skiff_section]

    /// - Parameters:
    ///   - descriptor: lent.
    ///   - root: of a file that is no SIF.
    package init(_ descriptor: Int32, objects: [SIFDescriptor]?, root: ImageSection?) {
        self.descriptor = descriptor
        sections = objects.map { $0.map(skiff_section.init) } ?? root.map { [skiff_section($0)] } ?? []
    }
}

extension skiff_section {
    init(_ object: SIFDescriptor) {
        self.init()
        struct_size = UInt32(MemoryLayout<skiff_section>.size)
        (id, group, type) = (object.id, object.group, UInt32(bitPattern: object.type.rawValue))
        (offset, size) = (UInt64(clamping: object.offset), UInt64(clamping: object.size))
        if let partition = object.partition {
            filesystem = UInt32(bitPattern: partition.filesystem.rawValue)
            role = UInt32(bitPattern: partition.role.rawValue)
        }
        link = object.storedLink
        withUnsafeMutableBytes(of: &name) { $0.copyBytes(from: object.name.prefix($0.count - 1)) }
    }

    init(_ file: ImageSection) {
        self.init()
        struct_size = UInt32(MemoryLayout<skiff_section>.size)
        id = 1
        (offset, size) = (UInt64(clamping: file.range.offset), UInt64(clamping: file.range.size))
        filesystem = UInt32(bitPattern: file.filesystem.rawValue)
        role = UInt32(bitPattern: SIFPartitionRole.primarySystem.rawValue)
    }
}

/// `skiff.host.image/1`: the image, which is never opened by path again.
nonisolated(unsafe) let imageTable = permanent(
    skiff_host_image(
        struct_size: UInt32(MemoryLayout<skiff_host_image>.size), reserved: 0,
        section_count: { pointer, out in
            guard let session = Session.from(pointer, in: anyPhase) else { return SKIFF_E_PHASE }
            guard let out else { return SKIFF_E_INVALID }
            guard session.facts.image != nil else { return SKIFF_DECLINED }
            out.pointee = UInt32(session.facts.imageFile?.sections.count ?? 0)
            return SKIFF_OK
        }, section: section, read_at: readAt,
        descriptor: { pointer, out in
            guard let session = Session.from(pointer, in: anyPhase) else { return SKIFF_E_PHASE }
            guard let out else { return SKIFF_E_INVALID }
            guard let file = session.facts.imageFile else { return SKIFF_DECLINED }
            out.pointee = file.descriptor
            return SKIFF_OK
        }))

private func section(_ pointer: OpaquePointer?, _ index: UInt32, _ out: UnsafeMutablePointer<skiff_section>?) -> Int32 {
    guard let session = Session.from(pointer, in: anyPhase) else { return SKIFF_E_PHASE }
    return session.tell(index, of: session.facts.imageFile?.sections ?? [], out)
}

extension Session {
    /// Fills what a plugin gave, as far as its size goes.
    func tell(_ index: UInt32, of sections: [skiff_section], _ out: UnsafeMutablePointer<skiff_section>?) -> Int32 {
        guard let out, index < sections.count else {
            return refuse(SKIFF_E_INVALID, "cannot tell about section \(index): there are \(sections.count)")
        }
        let place = UnsafeMutableRawPointer(out)
        let room = Int(place.loadUnaligned(as: UInt32.self))
        guard (8...4096).contains(room) else {
            return refuse(SKIFF_E_INVALID, "cannot tell about section \(index): struct_size is \(room)")
        }
        let known = min(room, MemoryLayout<skiff_section>.size)
        withUnsafeBytes(of: sections[Int(index)]) {
            place.copyMemory(from: $0.baseAddress ?? UnsafeRawPointer(place), byteCount: known)
        }
        place.storeBytes(of: UInt32(known), as: UInt32.self)
        return SKIFF_OK
    }
}

private func readAt(
    _ pointer: OpaquePointer?, _ offset: UInt64, _ buffer: UnsafeMutableRawPointer?, _ count: UInt64,
    _ got: UnsafeMutablePointer<UInt64>?
) -> Int32 {
    guard let session = Session.from(pointer, in: anyPhase) else { return SKIFF_E_PHASE }
    guard let buffer, let got, let place = Int64(exactly: offset), let size = Int(exactly: count) else {
        return session.refuse(SKIFF_E_INVALID, "cannot read \(count) bytes at \(offset) of the image")
    }
    guard let file = session.facts.imageFile else { return SKIFF_DECLINED }
    do throws(Errno) {
        let bytes = UnsafeMutableRawBufferPointer(start: buffer, count: size)
        got.pointee = UInt64(try readFully(file.descriptor, into: bytes, at: place))
        return SKIFF_OK
    } catch {
        return session.refuse(SKIFF_E_SYSTEM, "cannot read the image", errno: error)
    }
}
