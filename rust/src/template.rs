//! Chat templates, rendered as Hugging Face's sandboxed Jinja2 environment renders them.

use std::collections::BTreeMap;

use minijinja::value::{Kwargs, Rest};
use minijinja::{AutoEscape, Environment, Error, ErrorKind, State, UndefinedBehavior, Value};

use crate::ffi::{Result, Text, View, guard, write};
use crate::python;
