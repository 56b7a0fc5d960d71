//! A plugin in one file of Rust without crates: `skiff exec --hello-rust NAME image.sif env` shows HELLO=NAME, and the container
//! sees the host's os-release. The structs are those of PREFIX/include/skiff, as far as this plugin needs them: a table of the host
//! may be longer than what is declared here, and one of ours says how long it is.
#![allow(non_camel_case_types)]

use std::ffi::{c_char, c_void, CStr, CString};
use std::mem::size_of;
use std::ptr::{null, null_mut};
use std::sync::Mutex;

// skiff/plugin.h, interface 0.2
const ABI: u32 = 2;
const OK: i32 = 0;
const E_INVALID: i32 = -1;
const E_HOST_TOO_OLD: i32 = -6;

#[repr(C)]
pub struct skiff_session {
    _opaque: [u8; 0],
}

#[repr(C)]
pub struct skiff_host {
    struct_size: u32,
    abi: u32,
    version: *const c_char,
    ctx: *mut c_void,
    get_extension: Option<unsafe extern "C" fn(*const skiff_host, *const c_char) -> *const c_void>,
    log: Option<unsafe extern "C" fn(*const skiff_host, i32, *const c_char)>,
    fail: Option<unsafe extern "C" fn(*const skiff_host, i32, i32, *const c_char)>,
}

#[repr(C)]
pub struct skiff_plugin {
    struct_size: u32,
    abi: u32,
    id: *const c_char,
    name: *const c_char,
    version: *const c_char,
    license: *const c_char,
    data: *mut c_void,
    init: Option<unsafe extern "C" fn(*const skiff_plugin) -> i32>,
    deinit: Option<unsafe extern "C" fn(*const skiff_plugin)>,
    get_extension: Option<unsafe extern "C" fn(*const skiff_plugin, *const c_char) -> *const c_void>,
}

// skiff/phases.h
type Phase = Option<unsafe extern "C" fn(*const skiff_plugin, *mut skiff_session) -> i32>;

#[repr(C)]
struct skiff_phases {
    struct_size: u32,
    reserved: u32,
    configure: Phase,
    prepare: Phase,
    mounts: Phase,
    environment: Phase,
    entered: Phase,
    pre_exec: Phase,
    started: *const c_void,
    stopped: *const c_void,
}

// skiff/cli.h
#[repr(C)]
struct skiff_handler {
    name: *const c_char,
    signature: *const c_char,
    function: unsafe extern "C" fn(*mut skiff_session, *const c_char) -> i32,
    reserved: u64,
}

#[repr(C)]
struct skiff_cli {
    struct_size: u32,
    handler_count: u32,
    handlers: *const skiff_handler,
    handler_size: u64,
}

// skiff/plan.h
const MOUNT_KIND_BIND: u32 = 1;
const MOUNT_GROUP_FILES: u32 = 800;
const MOUNT_FLAGS: u32 = 0x1 | 0x2 | 0x4; // read-only, no set-user-id, no devices
const MISSING_WARN: u32 = 1;
const VARIABLE_SET: u32 = 1;

#[repr(C)]
struct skiff_mount {
    struct_size: u32,
    kind: u32,
    group: u32,
    flags: u32,
    missing: u32,
    mode: u32,
    source: *const c_char,
    destination: *const c_char,
    options: *const c_char,
    content: *const c_void,
    content_size: u64,
    reason: *const c_char,
}

#[repr(C)]
struct skiff_variable {
    struct_size: u32,
    operation: u32,
    name: *const c_char,
    value: *const c_char,
    reason: *const c_char,
}

#[repr(C)]
struct skiff_host_plan {
    struct_size: u32,
    reserved: u32,
    add_mount: Option<unsafe extern "C" fn(*mut skiff_session, *const skiff_mount) -> i32>,
    add_layer: *const c_void,
    add_device: *const c_void,
    add_variable: Option<unsafe extern "C" fn(*mut skiff_session, *const skiff_variable) -> i32>,
}

/// A table of pointers to constants: nothing in it changes, so threads may share it.
struct Shared<T>(T);
unsafe impl<T> Sync for Shared<T> {}

/// What the library keeps: the host, which lives as long as the process, and the name from the flag.
struct State {
    host: *const skiff_host,
    name: Option<CString>,
}
unsafe impl Send for State {}

static STATE: Mutex<State> = Mutex::new(State { host: null(), name: None });

/// One thread calls a plugin, so nobody ever waits here.
fn state() -> std::sync::MutexGuard<'static, State> {
    STATE.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

/// Says why a call is about to fail; what the host refused it has explained itself.
unsafe fn fail(status: i32, message: &CStr) -> i32 {
    let host = state().host;
    if let Some(say) = (*host).fail {
        say(host, status, 0, message.as_ptr());
    }
    status
}

/// The plan of the host, or NULL where the host has none.
unsafe fn plan() -> *const skiff_host_plan {
    let host = state().host;
    match (*host).get_extension {
        Some(ask) => ask(host, c"skiff.host.plan/3".as_ptr()).cast(),
        None => null(),
    }
}

/// The flag's handler: natural arguments, as `i:cs` in the manifest and below says.
unsafe extern "C" fn on_hello(_session: *mut skiff_session, given: *const c_char) -> i32 {
    let name = CStr::from_ptr(given);
    if name.to_bytes().len() > 255 {
        return fail(E_INVALID, c"cannot greet a name longer than 255 bytes");
    }
    state().name = Some(name.to_owned());
    OK
}

unsafe extern "C" fn mounts(_plugin: *const skiff_plugin, session: *mut skiff_session) -> i32 {
    let plan = plan();
    if plan.is_null() {
        return fail(E_HOST_TOO_OLD, c"cannot add a mount: this skiff has no skiff.host.plan/3");
    }
    let mount = skiff_mount {
        struct_size: size_of::<skiff_mount>() as u32,
        kind: MOUNT_KIND_BIND,
        group: MOUNT_GROUP_FILES,
        flags: MOUNT_FLAGS,
        missing: MISSING_WARN,
        mode: 0,
        source: c"/etc/os-release".as_ptr(),
        destination: c"/run/host/os-release".as_ptr(),
        options: null(),
        content: null(),
        content_size: 0,
        reason: c"--hello-rust: what the host is".as_ptr(),
    };
    (*plan).add_mount.map_or(E_HOST_TOO_OLD, |add| add(session, &mount))
}

unsafe extern "C" fn environment(_plugin: *const skiff_plugin, session: *mut skiff_session) -> i32 {
    let plan = plan();
    if plan.is_null() {
        return fail(E_HOST_TOO_OLD, c"cannot set a variable: this skiff has no skiff.host.plan/3");
    }
    let name = state().name.clone().unwrap_or_default();
    let variable = skiff_variable {
        struct_size: size_of::<skiff_variable>() as u32,
        operation: VARIABLE_SET,
        name: c"HELLO".as_ptr(),
        value: name.as_ptr(),
        reason: c"--hello-rust".as_ptr(),
    };
    (*plan).add_variable.map_or(E_HOST_TOO_OLD, |add| add(session, &variable))
}

static PHASES: Shared<skiff_phases> = Shared(skiff_phases {
    struct_size: size_of::<skiff_phases>() as u32,
    reserved: 0,
    configure: None,
    prepare: None,
    mounts: Some(mounts),
    environment: Some(environment),
    entered: None,
    pre_exec: None,
    started: null(),
    stopped: null(),
});

static HANDLER: Shared<skiff_handler> =
    Shared(skiff_handler { name: c"hello".as_ptr(), signature: c"i:cs".as_ptr(), function: on_hello, reserved: 0 });

static CLI: Shared<skiff_cli> = Shared(skiff_cli {
    struct_size: size_of::<skiff_cli>() as u32,
    handler_count: 1,
    handlers: &HANDLER.0,
    handler_size: size_of::<skiff_handler>() as u64,
});

unsafe extern "C" fn get_extension(_plugin: *const skiff_plugin, id: *const c_char) -> *const c_void {
    match CStr::from_ptr(id).to_bytes() {
        b"skiff.phases/1" => (&PHASES.0 as *const skiff_phases).cast(),
        b"skiff.cli/2" => (&CLI.0 as *const skiff_cli).cast(),
        _ => null(),
    }
}

static PLUGIN: Shared<skiff_plugin> = Shared(skiff_plugin {
    struct_size: size_of::<skiff_plugin>() as u32,
    abi: ABI,
    id: c"org.skiff.hello-rust".as_ptr(),
    name: c"HelloRust".as_ptr(),
    version: c"0.1.0".as_ptr(),
    license: c"Apache-2.0".as_ptr(),
    data: null_mut(),
    init: None,
    deinit: None,
    get_extension: Some(get_extension),
});

/// # Safety
/// The host calls it once, with pointers that live as long as the process.
#[no_mangle]
pub unsafe extern "C" fn skiff_plugin_entry(
    host_abi: u32,
    host: *const skiff_host,
    out: *mut *const skiff_plugin,
) -> i32 {
    if host_abi != ABI {
        return E_HOST_TOO_OLD;
    }
    state().host = host;
    *out = &PLUGIN.0;
    OK
}
