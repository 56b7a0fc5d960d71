import Core
import Linux
import PluginAPI

/// `skiff.host.message/1`: from the container's process to the command.
nonisolated(unsafe) let messageTable = permanent(
    skiff_host_message(
        struct_size: UInt32(MemoryLayout<skiff_host_message>.size), reserved: 0,
        send: { pointer, bytes, count in
            guard let session = Session.from(pointer, in: [.entered, .preExec]) else { return SKIFF_E_PHASE }
            guard let bytes, (1...4096).contains(count) else {
                return session.refuse(SKIFF_E_INVALID, "cannot send a message of \(count) bytes: it has 1 to 4096")
            }
            guard let link = session.messageLink, session.plugin.container.message != nil else { return SKIFF_DECLINED }
            do throws(Errno) {
                let text = Array(UnsafeRawBufferPointer(start: bytes, count: Int(count)))
                try sendMessage([session.number] + text, over: link)
                return SKIFF_OK
            } catch {
                return session.refuse(SKIFF_E_SYSTEM, "cannot send a message", errno: error)
            }
        }))
