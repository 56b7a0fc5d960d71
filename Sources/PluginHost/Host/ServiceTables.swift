import Base
import CTypedCall
import Core
import PluginAPI

/// `skiff.host.progress/1`: a bar where bars are shown, otherwise a line for people who asked for more.
nonisolated(unsafe) let progressTable = permanent(
    skiff_host_progress(
        struct_size: UInt32(MemoryLayout<skiff_host_progress>.size), reserved: 0,
        report: { pointer, what, done, all in
            guard let session = Session.from(pointer, in: anyPhase) else { return SKIFF_E_PHASE }
            if let show = session.facts.showProgress {
                show(text(what) ?? "", Int64(clamping: done), Int64(clamping: all))
                return SKIFF_OK
            }
            let end = all > 0 ? " of \(all)" : ""
            Log.verbose("plugin \(session.plugin.manifest.id): \(text(what) ?? ""): \(done)\(end) bytes")
            return SKIFF_OK
        }))

/// `skiff.host.services/1`: tables by id.
nonisolated(unsafe) let servicesTable = permanent(
    skiff_host_services(
        struct_size: UInt32(MemoryLayout<skiff_host_services>.size), reserved: 0,
        publish: { host, id, table, size in
            guard diagnostics(host) != nil, let id = text(id), !id.isEmpty, let table else { return SKIFF_E_INVALID }
            return Exchange.publish(id, table: table, size: size) ? SKIFF_OK : SKIFF_E_INVALID
        },
        find: { host, id, size, out in
            guard diagnostics(host) != nil, let id = text(id) else { return SKIFF_E_INVALID }
            guard let found = Exchange.tables[id] else { return SKIFF_DECLINED }
            guard found.size >= size else { return SKIFF_E_NOT_UNDERSTOOD }
            out?.pointee = found.table
            return SKIFF_OK
        }))

/// `skiff.host.calls/2`: single functions by id, called through their signature.
nonisolated(unsafe) let callsTable = permanent(
    skiff_host_calls(
        struct_size: UInt32(MemoryLayout<skiff_host_calls>.size), reserved: 0,
        publish: { host, id, signature, function in
            guard diagnostics(host) != nil, let id = text(id), !id.isEmpty, let function else { return SKIFF_E_INVALID }
            guard let signature = Signature(text(signature) ?? "") else { return SKIFF_E_INVALID }
            return Exchange.publish(id, signature, function) ? SKIFF_OK : SKIFF_E_INVALID
        },
        call: { host, id, signature, arguments, count, size in
            guard diagnostics(host) != nil, let id = text(id) else { return SKIFF_E_INVALID }
            guard let target = Exchange.functions[id] else { return SKIFF_DECLINED }
            return target.call(
                signature: text(signature) ?? "",
                StridedArray(arguments, count: count, stride: size, empty: skiff_argument()))
        }))

/// What plugins offer each other. One thread calls plugins, so nothing is locked.
enum Exchange {
    struct Function {
        let signature: Signature
        let function: @convention(c) () -> Void
    }

    nonisolated(unsafe) private(set) static var tables: [String: (table: UnsafeRawPointer, size: UInt64)] = [:]
    nonisolated(unsafe) private(set) static var functions: [String: Function] = [:]

    static func publish(_ id: String, table: UnsafeRawPointer, size: UInt64) -> Bool {
        guard tables[id] == nil, size >= 8, UInt64(table.loadUnaligned(as: UInt32.self)) == size else { return false }
        tables[id] = (table, size)
        return true
    }

    static func publish(_ id: String, _ signature: Signature, _ function: @escaping @convention(c) () -> Void) -> Bool {
        guard functions[id] == nil else { return false }
        functions[id] = Function(signature: signature, function: function)
        return true
    }
}

extension Exchange.Function {
    /// Calls with as many leading arguments as the function takes, if their letters are the caller's.
    fileprivate func call(signature offered: String, _ arguments: StridedArray<skiff_argument>?) -> Int32 {
        guard let offered = Signature(offered), let arguments, offered.parameters.count == arguments.count,
            offered.parameters.starts(with: signature.parameters)
        else { return SKIFF_E_INVALID }
        let values = arguments.elements.map {
            skl_value(number: $0.number, pointer: $0.pointer, count: $0.count)
        }
        var status: Int32 = 0
        guard skl_typed_call(signature.description, function, values, values.count, &status) == 0 else {
            return SKIFF_E_INVALID
        }
        return status
    }
}
