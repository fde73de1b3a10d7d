//! The JSON Schema of the config, for editors.

use serde_json::{Value, json};

use super::{MAX_SESSIONS, MAX_STOP_TIMEOUT, limits, restart};
use crate::limits::Unit;
use crate::session::LEAST_HISTORY;
use crate::session::validate::{
    MAX_COMMAND, MAX_ENV, MAX_ENV_KEY, MAX_ENV_VALUE, MAX_IMAGE, MAX_NAME, MAX_PORTS, MAX_VOLUMES,
    REFUSED_ENV_KEYS,
};

/// The JSON Schema (draft 2020-12) of a `kstlib.conf.yml`, as far as it is kst's. Other top-level
/// keys are allowed, and so are a session's options that only its backend knows.
pub fn schema() -> Value {
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "kstlib.conf.yml",
        "description": "The config of kst. Other top-level keys belong to other programs.",
        "type": ["object", "null"],
        "properties": {
            "include": {
                "description": "Files to read below this one, relative to it and within its folder: YAML, JSON, TOML or INI.",
                "anyOf": [
                    { "type": ["string", "null"] },
                    { "type": "array", "items": { "type": ["string", "null"] } }
                ]
            },
            "ops": ops()
        }
    })
}

fn ops() -> Value {
    let name = format!("^[A-Za-z][A-Za-z0-9_-]{{0,{}}}$", MAX_NAME - 1);
    json!({
        "description": "What kst does.",
        "type": ["object", "null"],
        "properties": {
            "default_backend": {
                "description": "The backend of sessions that name none.",
                "type": ["string", "null"],
                "pattern": name,
                "default": "tmux",
                "examples": ["tmux", "container"]
            },
            "tmux_binary": {
                "description": "The tmux program: a name to look up on the PATH, or a path, relative to this file.",
                "type": ["string", "null"],
                "default": "tmux"
            },
            "container_runtime": {
                "description": "The engine for containers. Without it: podman, else docker.",
                "enum": ["podman", "docker", null]
            },
            "history": history("How much of the output of each session on this machine is kept.", "64 MiB"),
            "plugins": {
                "description": "Backends of your own, by name.",
                "type": ["object", "null"],
                "propertyNames": { "pattern": name },
                "additionalProperties": {
                    "type": "object",
                    "properties": {
                        "path": {
                            "description": "The component, a .wasm file; relative to this file.",
                            "type": "string"
                        },
                        "digest": {
                            "description": "The digest that the file must have. In your own config (not in a working directory's) it approves the component.",
                            "type": ["string", "null"],
                            "pattern": "^sha256:[0-9A-Fa-f]{64}$"
                        }
                    },
                    "required": ["path"],
                    "additionalProperties": false
                }
            },
            "limits": limits::schema(),
            "groups": {
                "description": "Names for several sessions at once, for kst up and kst down.",
                "type": ["object", "null"],
                "propertyNames": { "pattern": name },
                "additionalProperties": {
                    "type": ["array", "string", "null"],
                    "items": { "type": "string" }
                }
            },
            "sessions": {
                "description": "The sessions, by name: a letter, then letters, digits, '_' or '-'.",
                "type": ["object", "null"],
                "maxProperties": MAX_SESSIONS,
                "propertyNames": { "pattern": name },
                "additionalProperties": session(&name)
            }
        },
        "patternProperties": {
            "^[A-Za-z0-9._-]+_binary$": {
                "description": "The program to use: a name to look up on the PATH, or a path, relative to this file.",
                "type": ["string", "null"]
            }
        },
        "additionalProperties": false
    })
}

fn history(description: &str, example: &str) -> Value {
    json!({
        "description": description,
        "type": ["integer", "string", "null"],
        "minimum": LEAST_HISTORY,
        "pattern": Unit::Bytes.pattern(),
        "examples": [example]
    })
}

fn condition() -> Value {
    json!({ "enum": ["started", "ready", "succeeded", null] })
}

fn session(name: &str) -> Value {
    let scalar = json!(["string", "number", "boolean"]);
    json!({
        "description": "A session. Keys besides these are options of its backend.",
        "type": ["object", "null"],
        "properties": {
            "backend": {
                "description": "The backend that runs it; without it, default_backend.",
                "type": ["string", "null"],
                "pattern": name,
                "examples": ["tmux", "container"]
            },
            "command": {
                "description": "What to run: a text, split into words as a shell would and run without one; or a list of words.",
                "anyOf": [
                    { "type": ["string", "number", "null"], "maxLength": MAX_COMMAND },
                    { "type": "array", "items": { "type": scalar }, "minItems": 1 }
                ]
            },
            "shell": {
                "description": "Whether the command is a text for sh.",
                "type": ["boolean", "null"],
                "default": false
            },
            "working_dir": {
                "description": "The working directory: on this machine relative to this file, in a container absolute.",
                "type": ["string", "null"]
            },
            "env": {
                "description": "Variables. One without a value takes that of kst's own environment.",
                "type": ["object", "null"],
                "maxProperties": MAX_ENV,
                "propertyNames": {
                    "pattern": format!("^[A-Za-z_][A-Za-z0-9_]{{0,{}}}$", MAX_ENV_KEY - 1),
                    "not": { "enum": REFUSED_ENV_KEYS }
                },
                "additionalProperties": {
                    "type": ["string", "number", "boolean", "null"],
                    "maxLength": MAX_ENV_VALUE
                }
            },
            "env_file": {
                "description": "Files of variables, NAME=value lines, relative to this file; env counts before them.",
                "type": ["array", "string", "null"],
                "items": { "type": "string" },
                "examples": [[".env"]]
            },
            "depends_on": {
                "description": "What must be up before this one is started by kst up: names, or each with how far it must be.",
                "anyOf": [
                    { "type": ["string", "null"] },
                    { "type": "array", "items": { "type": "string" } },
                    {
                        "type": "object",
                        "additionalProperties": {
                            "anyOf": [
                                condition(),
                                {
                                    "type": "object",
                                    "properties": { "condition": condition() },
                                    "additionalProperties": false
                                }
                            ]
                        }
                    }
                ],
                "examples": [["db"], { "db": "ready", "migrate": "succeeded" }]
            },
            "ready": {
                "description": "What shows that it is ready.",
                "type": ["object", "null"],
                "properties": {
                    "log": { "description": "A line of its output holds this text.", "type": "string" },
                    "tcp": {
                        "description": "Something listens on PORT or HOST:PORT.",
                        "type": ["integer", "string"]
                    },
                    "command": {
                        "description": "This command succeeds: a text, or a list of words.",
                        "anyOf": [
                            { "type": "string" },
                            { "type": "array", "items": { "type": scalar }, "minItems": 1 }
                        ]
                    },
                    "timeout": {
                        "description": "How long it may take: seconds, or a time such as 90s or 5min.",
                        "type": ["integer", "string", "null"],
                        "default": 60
                    }
                },
                "additionalProperties": false
            },
            "stop_signal": {
                "description": "The signal that asks it to end, by name or number; without it TERM, or the image's own.",
                "type": ["string", "integer", "null"],
                "examples": ["INT"]
            },
            "stop_timeout": {
                "description": "How long it has to end before it is killed, where a stop does not say: seconds, or 90s, 5min.",
                "type": ["string", "integer", "null"],
                "pattern": Unit::Time.pattern(),
                "minimum": 0,
                "maximum": MAX_STOP_TIMEOUT,
                "default": 10
            },
            "restart": restart::schema(),
            "history": history("How much of its output is kept (not of a container); without it, ops.history.", "1 GiB"),
            "image": {
                "description": "The image to run (container).",
                "type": ["string", "null"],
                "maxLength": MAX_IMAGE,
                "examples": ["localhost:5000/app:1.2"]
            },
            "volumes": {
                "description": "Folders and volumes (container): SOURCE:TARGET[:MODE], SOURCE relative to this file.",
                "type": ["array", "string", "null"],
                "maxItems": MAX_VOLUMES,
                "items": { "type": "string" },
                "examples": [["./data:/data:ro"]]
            },
            "ports": {
                "description": "Ports (container): [[ADDRESS:]PORT:]PORT[/PROTOCOL].",
                "type": ["array", "string", "integer", "null"],
                "maxItems": MAX_PORTS,
                "items": { "type": ["string", "integer"] },
                "examples": [["127.0.0.1:8080:80"]]
            },
            "runtime": {
                "description": "The engine for this container.",
                "enum": ["podman", "docker", null]
            },
            "log_volume": {
                "description": "A folder for logs (container): SOURCE:TARGET[:MODE].",
                "type": ["string", "null"]
            },
            "socket_name": {
                "description": "The tmux server to use, by the name of its socket (tmux).",
                "type": ["string", "null"]
            }
        },
        "additionalProperties": true
    })
}
