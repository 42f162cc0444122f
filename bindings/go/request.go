package dsk

import (
	"encoding/json"
	"math"
	"reflect"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Ptr is for members whose zero says something: MTPTokens: dsk.Ptr[int64](0).
func Ptr[T any](value T) *T { return &value }

// marshal writes a request. What JSON cannot say is refused with its place, as the library would: encoding/json has no place
// for NaN, and would change text that is not UTF-8.
func marshal(request any) ([]byte, error) {
	if path, what := unsayable(reflect.ValueOf(request), ""); what != "" {
		return nil, &Error{Status: InvalidRequest, Path: path, Message: what, Where: "dsk.marshal"}
	}
	document, err := json.Marshal(request)
	if err != nil {
		return nil, &Error{Status: InvalidRequest, Message: err.Error(), Where: "dsk.marshal", cause: err}
	}
	return document, nil
}

// unsayable finds the first value that JSON cannot hold: its pointer, and why.
func unsayable(v reflect.Value, path string) (where, what string) {
	switch v.Kind() {
	case reflect.Float64:
		if f := v.Float(); math.IsNaN(f) || math.IsInf(f, 0) {
			return path, "must be a finite number, is " + strconv.FormatFloat(f, 'g', -1, 64)
		}
	case reflect.String:
		if !utf8.ValidString(v.String()) {
			return path, "must be UTF-8 text, is " + strconv.Quote(v.String())
		}
	case reflect.Pointer:
		if !v.IsNil() {
			return unsayable(v.Elem(), path)
		}
	case reflect.Slice:
		if raw, ok := v.Interface().(json.RawMessage); ok {
			if len(raw) > 0 && !json.Valid(raw) {
				return path, "must be JSON"
			}
			return "", ""
		}
		for i := range v.Len() {
			if where, what = unsayable(v.Index(i), path+"/"+strconv.Itoa(i)); what != "" {
				return where, what
			}
		}
	case reflect.Map:
		for _, key := range v.MapKeys() {
			if where, what = unsayable(v.MapIndex(key), path+"/"+key.String()); what != "" {
				return where, what
			}
		}
	case reflect.Struct:
		for i := range v.NumField() {
			name, _, _ := strings.Cut(v.Type().Field(i).Tag.Get("json"), ",")
			if where, what = unsayable(v.Field(i), path+"/"+name); what != "" {
				return where, what
			}
		}
	}
	return "", ""
}
