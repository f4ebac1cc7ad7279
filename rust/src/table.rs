//! Columns of Parquet and Arrow files as text.

use std::fs::File;
use std::io::{BufReader, Read, Seek};

use arrow_array::cast::AsArray;
use arrow_array::types::{
    Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type, UInt8Type, UInt16Type,
    UInt32Type, UInt64Type,
};
use arrow_array::{Array, ArrayRef, RecordBatch};
use arrow_ipc::reader::{FileReader, StreamReader};
use arrow_schema::{ArrowError, DataType, SchemaRef};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use serde_json::{Map, Value, json};

use crate::ffi::{Result, Text, View, guard, leak, reclaim, write};

/// Values of a column, joined; value i ends at `ends[i]` and is null where `present[i]` is 0.
#[repr(C)]
pub struct Column {
    text: *mut u8,
    text_size: usize,
    ends: *mut usize,
    present: *mut u8,
    size: usize,
}

type Batches = Box<dyn Iterator<Item = std::result::Result<RecordBatch, ArrowError>>>;

fn message(error: impl std::fmt::Display) -> String {
    error.to_string()
}

enum Source {
    Parquet(ParquetRecordBatchReaderBuilder<File>),
    ArrowFile(FileReader<BufReader<File>>),
    ArrowStream(StreamReader<BufReader<File>>),
}

impl Source {
    /// The kind is told by the first bytes, not by the name.
    fn open(path: &str, column: Option<usize>) -> Result<Source> {
        let mut file = File::open(path).map_err(message)?;
        let mut magic = [0; 6];
        let length = file.read(&mut magic).map_err(message)?;
        file.rewind().map_err(message)?;
        let columns = column.map(|index| vec![index]);
        if magic[..length].starts_with(b"PAR1") {
            let builder = ParquetRecordBatchReaderBuilder::try_new(file).map_err(message)?;
            return Ok(Source::Parquet(builder));
        }
        if &magic == b"ARROW1" {
            let reader = FileReader::try_new_buffered(file, columns).map_err(message)?;
            return Ok(Source::ArrowFile(reader));
        }
        let reader = StreamReader::try_new_buffered(file, columns)
            .map_err(|e| format!("neither a Parquet nor an Arrow file ({e})"))?;
        Ok(Source::ArrowStream(reader))
    }

    fn schema(&self) -> SchemaRef {
        match self {
            Source::Parquet(builder) => builder.schema().clone(),
            Source::ArrowFile(reader) => reader.schema(),
            Source::ArrowStream(reader) => reader.schema(),
        }
    }

    fn batches(self, column: usize) -> Result<Batches> {
        Ok(match self {
            Source::Parquet(builder) => {
                let mask = ProjectionMask::roots(builder.parquet_schema(), [column]);
                Box::new(builder.with_projection(mask).build().map_err(message)?)
            }
            Source::ArrowFile(reader) => Box::new(reader),
            Source::ArrowStream(reader) => Box::new(reader),
        })
    }
}

fn columns(path: &str) -> Result<Vec<String>> {
    let schema = Source::open(path, None)?.schema();
    Ok(schema
        .fields()
        .iter()
        .map(|field| field.name().clone())
        .collect())
}

fn read(path: &str, name: &str, limit: usize) -> Result<Vec<Option<String>>> {
    let index = Source::open(path, None)?
        .schema()
        .index_of(name)
        .map_err(|_| format!("no column '{name}'"))?;
    let mut values = Vec::new();
    for batch in Source::open(path, Some(index))?.batches(index)? {
        let batch = batch.map_err(message)?;
        let array = batch.column(0);
        for row in 0..array.len() {
            if values.len() == limit {
                return Ok(values);
            }
            values.push(text(array, row).map_err(|e| format!("column '{name}': {e}"))?);
        }
    }
    Ok(values)
}

/// Text as it is, everything else as JSON.
fn text(array: &ArrayRef, row: usize) -> Result<Option<String>> {
    Ok(match value(array, row)? {
        Value::Null => None,
        Value::String(text) => Some(text),
        other => Some(other.to_string()),
    })
}

fn value(array: &ArrayRef, row: usize) -> Result<Value> {
    if array.is_null(row) {
        return Ok(Value::Null);
    }
    macro_rules! number {
        ($type:ty) => {
            json!(array.as_primitive::<$type>().value(row))
        };
    }
    Ok(match array.data_type() {
        DataType::Null => Value::Null,
        DataType::Utf8 => json!(array.as_string::<i32>().value(row)),
        DataType::LargeUtf8 => json!(array.as_string::<i64>().value(row)),
        DataType::Utf8View => json!(array.as_string_view().value(row)),
        DataType::Boolean => json!(array.as_boolean().value(row)),
        DataType::Int8 => number!(Int8Type),
        DataType::Int16 => number!(Int16Type),
        DataType::Int32 => number!(Int32Type),
        DataType::Int64 => number!(Int64Type),
        DataType::UInt8 => number!(UInt8Type),
        DataType::UInt16 => number!(UInt16Type),
        DataType::UInt32 => number!(UInt32Type),
        DataType::UInt64 => number!(UInt64Type),
        DataType::Float32 => number!(Float32Type),
        DataType::Float64 => number!(Float64Type),
        DataType::List(_) => list(&array.as_list::<i32>().value(row))?,
        DataType::LargeList(_) => list(&array.as_list::<i64>().value(row))?,
        DataType::FixedSizeList(..) => list(&array.as_fixed_size_list().value(row))?,
        DataType::Struct(_) => object(array, row)?,
        DataType::Map(..) => list(&(std::sync::Arc::new(array.as_map().value(row)) as ArrayRef))?,
        DataType::Dictionary(..) => {
            let dictionary = array.as_any_dictionary();
            let key = dictionary.normalized_keys()[row];
            value(dictionary.values(), key)?
        }
        other => return Err(format!("values of type {other} cannot be used as text")),
    })
}

fn list(items: &ArrayRef) -> Result<Value> {
    (0..items.len())
        .map(|row| value(items, row))
        .collect::<Result<Vec<_>>>()
        .map(Value::Array)
}

fn object(array: &ArrayRef, row: usize) -> Result<Value> {
    let parts = array.as_struct();
    let mut map = Map::new();
    for (name, part) in parts.column_names().iter().zip(parts.columns()) {
        map.insert((*name).to_string(), value(part, row)?);
    }
    Ok(Value::Object(map))
}

impl From<Vec<Option<String>>> for Column {
    fn from(values: Vec<Option<String>>) -> Column {
        let mut joined = String::new();
        let mut ends = Vec::with_capacity(values.len());
        let mut present = Vec::with_capacity(values.len());
        for value in &values {
            joined.push_str(value.as_deref().unwrap_or_default());
            ends.push(joined.len());
            present.push(u8::from(value.is_some()));
        }
        let (text, text_size) = leak(joined.into_bytes());
        let (ends, size) = leak(ends);
        let (present, _) = leak(present);
        Column {
            text,
            text_size,
            ends,
            present,
            size,
        }
    }
}

/// # Safety
/// `out` is valid for one write.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aieb_table_columns(path: View, out: *mut Text) -> Text {
    guard(|| {
        let names = columns(path.text("path")?)?;
        // SAFETY: by the contract above.
        unsafe { write(out, json!(names).to_string().into()) };
        Ok(())
    })
}

/// # Safety
/// `out` is valid for one write.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aieb_table_read(
    path: View,
    column: View,
    limit: usize,
    out: *mut Column,
) -> Text {
    guard(|| {
        let limit = if limit == 0 { usize::MAX } else { limit };
        let values = read(path.text("path")?, column.text("column name")?, limit)?;
        // SAFETY: by the contract above.
        unsafe { write(out, values.into()) };
        Ok(())
    })
}

/// # Safety
/// `column` came from this library and is not used afterwards.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aieb_column_free(column: Column) {
    // SAFETY: by the contract above.
    unsafe {
        reclaim(column.text, column.text_size);
        reclaim(column.ends, column.size);
        reclaim(column.present, column.size);
    }
}
