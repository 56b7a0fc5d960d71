import Base
import Core
import Linux
import PluginAPI

/// `skiff.host.image-edit/1`: changes of a SIF file, by commands of plugins.
nonisolated(unsafe) let imageEditTable = permanent(
    skiff_host_image_edit(
        struct_size: UInt32(MemoryLayout<skiff_host_image_edit>.size), reserved: 0, open: openEdit,
        section_count: { pointer, number, out in
            guard let out else { return SKIFF_E_INVALID }
            return withEdit(pointer, number) { _, edit in
                out.pointee = UInt32(edit.objects.count)
                return SKIFF_OK
            }
        },
        section: { pointer, number, index, out in
            withEdit(pointer, number) { session, edit in
                session.tell(index, of: edit.objects.map(skiff_section.init), out)
            }
        },
        descriptor: { pointer, number, out in
            guard let out else { return SKIFF_E_INVALID }
            return withEdit(pointer, number) { _, edit in
                out.pointee = edit.descriptor
                return SKIFF_OK
            }
        },
        append: appendObject,
        replace: { pointer, number, id, size, fill, context in
            change(pointer, number) { edit throws(SkiffError) in
                try edit.replace(id, size: size, filling(fill, context))
            }
        },
        resize: { pointer, number, id, size in
            change(pointer, number) { edit throws(SkiffError) in
                try edit.resize(id, size: size)
                return SKIFF_OK
            }
        },
        remove: { pointer, number, id in
            change(pointer, number) { edit throws(SkiffError) in
                try edit.remove(id)
                return SKIFF_OK
            }
        },
        commit: { pointer, number in
            change(pointer, number) { edit throws(SkiffError) in
                try edit.commit()
                return SKIFF_OK
            }
        },
        close: { pointer, number in
            withEdit(pointer, number) { session, _ in
                session.edits.close(number)
                return SKIFF_OK
            }
        }))

private typealias Fill = @convention(c) (UnsafeMutableRawPointer?, UnsafePointer<skiff_edit_place>?) -> Int32

private func openEdit(
    _ pointer: OpaquePointer?, _ path: UnsafePointer<CChar>?, _ flags: UInt32, _ out: UnsafeMutablePointer<UInt64>?
) -> Int32 {
    guard let session = Session.ofOwnCommand(pointer) else { return SKIFF_E_PHASE }
    guard let path = text(path), !path.isEmpty, let out else {
        return session.refuse(SKIFF_E_INVALID, "cannot edit a SIF file: it has no path")
    }
    guard flags & ~UInt32(SKIFF_EDIT_READ_ONLY) == 0 else {
        return session.refuse(SKIFF_E_NOT_UNDERSTOOD, "cannot edit \(path): unknown flags \(flags)")
    }
    guard session.edits.hasRoom else {
        return session.refuse(SKIFF_E_INVALID, "cannot edit \(path): too many edits are open")
    }
    do throws(SkiffError) {
        let isReadOnly = flags & UInt32(SKIFF_EDIT_READ_ONLY) != 0
        guard let edit = try ImageEdit(path, isReadOnly: isReadOnly) else { return SKIFF_DECLINED }
        out.pointee = session.edits.keep(edit)
        return SKIFF_OK
    } catch {
        return session.refuse(error)
    }
}

private func appendObject(
    _ pointer: OpaquePointer?, _ number: UInt64, _ request: UnsafePointer<skiff_new_section>?, _ fill: Fill?,
    _ context: UnsafeMutableRawPointer?, _ out: UnsafeMutablePointer<UInt32>?
) -> Int32 {
    guard let session = Session.ofOwnCommand(pointer) else { return SKIFF_E_PHASE }
    guard let section = readRequest(request, into: skiff_new_section()) else {
        return session.refuse(unread: request, "new section")
    }
    let types: [SIFDataType] = [
        .definition, .environment, .labels, .partition, .genericJSON, .generic, .cryptoMessage,
    ]
    let type = SIFDataType(rawValue: Int32(truncatingIfNeeded: section.type))
    guard types.contains(type) else {
        return session.refuse(
            SKIFF_E_UNSUPPORTED, "cannot add an object of type 0x\(String(section.type, radix: 16))")
    }
    return change(pointer, number) { edit throws(SkiffError) in
        var object = SIFNewObject(type, group: section.group, link: SIFLink(stored: section.link))
        object.name = text(section.name)?.bytes ?? []
        if section.alignment > 0 { object.alignment = Int64(clamping: section.alignment) }
        // The one kind that there is.
        if type == .cryptoMessage { object.extra = .cryptoMessage(format: .pem, message: .rsaOAEP) }
        if type == .partition {
            object.extra = .partition(
                .init(
                    filesystem: SIFFilesystem(rawValue: Int32(truncatingIfNeeded: section.filesystem)),
                    role: SIFPartitionRole(rawValue: Int32(truncatingIfNeeded: section.role)),
                    architecture: try edit.architecture(text(section.architecture))))
        }
        let (status, id) = try edit.append(object, size: section.size, filling(fill, context))
        if let id { out?.pointee = id }
        return status
    }
}

/// Returns what calls the plugin's function with a place.
private func filling(_ fill: Fill?, _ context: UnsafeMutableRawPointer?) -> ((CInt, Int64, Int64) -> Int32)? {
    guard let fill else { return nil }
    return { file, offset, size in
        var place = skiff_edit_place(
            struct_size: UInt32(MemoryLayout<skiff_edit_place>.size), fd: file, offset: UInt64(clamping: offset),
            size: UInt64(clamping: size))
        return fill(context, &place)
    }
}

private func withEdit(_ pointer: OpaquePointer?, _ number: UInt64, _ body: (Session, ImageEdit) -> Int32) -> Int32 {
    guard let session = Session.ofOwnCommand(pointer) else { return SKIFF_E_PHASE }
    guard let edit = session.edits.edit(number) else {
        return session.refuse(SKIFF_E_INVALID, "cannot edit a SIF file: no edit \(number) is open")
    }
    return body(session, edit)
}

private func change(
    _ pointer: OpaquePointer?, _ number: UInt64, _ body: (ImageEdit) throws(SkiffError) -> Int32
) -> Int32 {
    withEdit(pointer, number) { session, edit in
        guard !edit.isReadOnly else {
            return session.refuse(SKIFF_E_DENIED, "cannot change \(edit.path): it is open for reading only")
        }
        guard !edit.isFilling else {
            return session.refuse(SKIFF_E_PHASE, "cannot change \(edit.path): an object is being written")
        }
        do throws(SkiffError) {
            return try body(edit)
        } catch {
            return session.refuse(error)
        }
    }
}

extension Session {
    /// Reports why the host could not do what was asked.
    fileprivate func refuse(_ error: SkiffError) -> Int32 {
        refuse(error.errno == nil ? SKIFF_E_INVALID : SKIFF_E_SYSTEM, error.message, errno: error.errno)
    }
}
