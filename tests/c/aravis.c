/* A made-up libaravis: the functions that frameline calls, over one camera that does what its feature Scene says. It is
 * compiled by tests/aravis/own_library.rs, as three generations: OLD (0.8.11), neither (0.8.26), NEW (0.10).
 *
 * No thread: a buffer is filled when it is popped. Objects are counted, and what is wrong with the calls is an abort. */

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct { uint32_t domain; int code; char *message; } GError;
typedef void (*on_stream)(void *, int, void *);

enum { CAMERA = 1, DEVICE, STREAM, BUFFER, NODE };
/* Kinds of nodes, which stand for their types. */
enum { INTEGER = 101, FLOAT, ENUMERATION, BOOLEAN, STRING, COMMAND };
/* What the camera sends. */
enum { IMAGE, PADDED, CHUNKS, BROKEN_CHUNKS, PARTS, CHUNKS_FIRST };

enum { WIDTH = 16, HEIGHT = 8, BYTES = WIDTH * HEIGHT, MAX_QUEUED = 64 };

typedef struct Object {
    int kind, refs;
    /* Buffer. */
    unsigned char *data;
    size_t size, filled;
    void *user;
    uint64_t id;
    int status, payload, chunks, parts;
    /* Stream. */
    on_stream on;
    void *word;
    struct Object *queue[MAX_QUEUED];
    int queued;
} Object;

static Object camera_object = { .kind = CAMERA, .refs = 0 };
static Object device_object = { .kind = DEVICE, .refs = 1 };
static Object nodes[] = { { .kind = INTEGER }, { .kind = COMMAND } };
static int64_t scene = IMAGE;
static uint64_t sent = 0;

static Object *checked(void *object, int kind) {
    Object *o = object;
    if (!o || o->kind != kind) {
        fprintf(stderr, "aravis.c: an object of kind %d was expected\n", kind);
        abort();
    }
    return o;
}

/* GObject and GLib. */
void *g_object_ref(void *object) { ((Object *)object)->refs++; return object; }

void g_object_unref(void *object) {
    Object *o = object;
    if (--o->refs > 0) return;
    if (o->refs < 0) { fprintf(stderr, "aravis.c: unref of what nobody has\n"); abort(); }
    if (o->kind == STREAM) {
        o->on(o->word, 1, NULL);
        for (int i = 0; i < o->queued; i++) g_object_unref(o->queue[i]);
    }
    if (o->kind == STREAM || o->kind == BUFFER) free(o);
}

void g_object_set(void *object, const char *first, ...) { (void)object; (void)first; }
unsigned long g_signal_connect_data(void *o, const char *n, void *f, void *u, void *d, int flags) {
    (void)n; (void)f; (void)u; (void)d; (void)flags; checked(o, DEVICE); return 7;
}
void g_signal_handler_disconnect(void *o, unsigned long id) { checked(o, DEVICE); if (id != 7) abort(); }
int g_type_check_instance_is_a(void *object, size_t type) { return (size_t)((Object *)object)->kind == type; }
void g_error_free(GError *e) { free(e->message); free(e); }
void g_free(void *p) { free(p); }

/* The system. */
#ifndef OLD
#ifdef NEW
unsigned arv_get_major_version(void) { return 0; }
unsigned arv_get_minor_version(void) { return 10; }
unsigned arv_get_micro_version(void) { return 1; }
#else
unsigned arv_get_major_version(void) { return 0; }
unsigned arv_get_minor_version(void) { return 8; }
unsigned arv_get_micro_version(void) { return 26; }
#endif
#endif
uint32_t arv_device_error_quark(void) { return 11; }
uint32_t arv_gc_error_quark(void) { return 12; }
void arv_enable_interface(const char *name) { (void)name; }
void arv_update_device_list(void) {}
unsigned arv_get_n_devices(void) { return 1; }
const char *arv_get_device_id(unsigned n) { (void)n; return "Made-Up-1"; }
const char *arv_get_device_physical_id(unsigned n) { (void)n; return "00:00"; }
const char *arv_get_device_address(unsigned n) { (void)n; return "127.0.0.9"; }
const char *arv_get_device_vendor(unsigned n) { (void)n; return "Made"; }
const char *arv_get_device_model(unsigned n) { (void)n; return "Up"; }
const char *arv_get_device_serial_nbr(unsigned n) { (void)n; return "1"; }
const char *arv_get_device_protocol(unsigned n) { (void)n; return "GigEVision"; }

static void fail(GError **error, uint32_t domain, int code, const char *text) {
    GError *e = malloc(sizeof *e);
    e->domain = domain;
    e->code = code;
    e->message = strdup(text);
    *error = e;
}

/* The camera. */
void *arv_camera_new(const char *id, GError **e) {
    if (strcmp(id, "Made-Up-1")) { fail(e, 11, 6, "no such camera"); return NULL; }
    return g_object_ref(&camera_object);
}
void *arv_camera_get_device(void *c) { checked(c, CAMERA); return &device_object; }
void arv_camera_start_acquisition(void *c, GError **e) { (void)e; checked(c, CAMERA); }
void arv_camera_stop_acquisition(void *c, GError **e) { (void)e; checked(c, CAMERA); }
void arv_camera_get_region(void *c, int *x, int *y, int *w, int *h, GError **e) {
    (void)e; checked(c, CAMERA); *x = 0; *y = 0; *w = WIDTH; *h = HEIGHT;
}
uint32_t arv_camera_get_pixel_format(void *c, GError **e) { (void)c; (void)e; return 0x01080001; }
unsigned arv_camera_get_payload(void *c, GError **e) { (void)c; (void)e; return 4 * BYTES; }
int arv_camera_is_gv_device(void *c) { (void)c; return 1; }
unsigned arv_camera_gv_get_packet_size(void *c, GError **e) { (void)c; (void)e; return 1400; }
void arv_camera_gv_set_packet_size(void *c, int n, GError **e) { (void)c; (void)n; (void)e; }
void arv_camera_gv_set_packet_size_adjustment(void *c, int n) { (void)c; (void)n; }
void arv_camera_gv_set_stream_options(void *c, int n) { (void)c; (void)n; }

/* Features. */
void *arv_device_get_feature(void *d, const char *name) {
    checked(d, DEVICE);
    if (!strcmp(name, "Scene")) return &nodes[0];
    if (!strcmp(name, "TriggerSoftware")) return &nodes[1];
    return NULL;
}
size_t arv_gc_integer_get_type(void) { return INTEGER; }
size_t arv_gc_float_get_type(void) { return FLOAT; }
size_t arv_gc_enumeration_get_type(void) { return ENUMERATION; }
size_t arv_gc_boolean_get_type(void) { return BOOLEAN; }
size_t arv_gc_string_get_type(void) { return STRING; }
size_t arv_gc_command_get_type(void) { return COMMAND; }
static void unknown(const char *name, GError **e) { (void)name; fail(e, 12, 7, "no such node"); }
void arv_device_execute_command(void *d, const char *n, GError **e) { (void)d; (void)n; (void)e; }
int64_t arv_device_get_integer_feature_value(void *d, const char *n, GError **e) {
    (void)d; if (!strcmp(n, "Scene")) return scene; unknown(n, e); return 0;
}
void arv_device_set_integer_feature_value(void *d, const char *n, int64_t v, GError **e) {
    (void)d; if (!strcmp(n, "Scene")) scene = v; else unknown(n, e);
}
void arv_device_get_integer_feature_bounds(void *d, const char *n, int64_t *a, int64_t *b, GError **e) {
    (void)d; (void)a; (void)b; unknown(n, e);
}
int64_t arv_device_get_integer_feature_increment(void *d, const char *n, GError **e) { (void)d; unknown(n, e); return 1; }
double arv_device_get_float_feature_value(void *d, const char *n, GError **e) { (void)d; unknown(n, e); return 0; }
void arv_device_set_float_feature_value(void *d, const char *n, double v, GError **e) { (void)d; (void)v; unknown(n, e); }
void arv_device_get_float_feature_bounds(void *d, const char *n, double *a, double *b, GError **e) {
    (void)d; (void)a; (void)b; unknown(n, e);
}
const char *arv_device_get_string_feature_value(void *d, const char *n, GError **e) { (void)d; unknown(n, e); return NULL; }
void arv_device_set_string_feature_value(void *d, const char *n, const char *v, GError **e) { (void)d; (void)v; unknown(n, e); }
int arv_device_get_boolean_feature_value(void *d, const char *n, GError **e) { (void)d; unknown(n, e); return 0; }
void arv_device_set_boolean_feature_value(void *d, const char *n, int v, GError **e) { (void)d; (void)v; unknown(n, e); }
const char **arv_device_dup_available_enumeration_feature_values_as_strings(void *d, const char *n, unsigned *c, GError **e) {
    (void)d; *c = 0; unknown(n, e); return NULL;
}

/* Its description and its registers: a gain that is 7, and one that does not answer. */
static const char xml[] =
    "<RegisterDescription>"
    "<Category Name=\"Root\"><pFeature>Analog</pFeature></Category>"
    "<Category Name=\"Analog\"><pFeature>Gain</pFeature><pFeature>Dead</pFeature></Category>"
    "<Integer Name=\"Gain\"><pValue>GainReg</pValue><Min>0</Min><Max>24</Max></Integer>"
    "<IntReg Name=\"GainReg\"><Address>16</Address><Length>4</Length><AccessMode>RW</AccessMode>"
    "<pPort>Device</pPort><Endianess>BigEndian</Endianess></IntReg>"
    "<Integer Name=\"Dead\"><pValue>DeadReg</pValue></Integer>"
    "<IntReg Name=\"DeadReg\"><Address>64</Address><Length>4</Length><AccessMode>RO</AccessMode>"
    "<pPort>Device</pPort><Endianess>BigEndian</Endianess></IntReg>"
    "<Port Name=\"Device\"/></RegisterDescription>";
const char *arv_device_get_genicam_xml(void *d, size_t *size) { checked(d, DEVICE); *size = sizeof xml - 1; return xml; }
int arv_device_read_memory(void *d, uint64_t at, uint32_t size, void *into, GError **e) {
    checked(d, DEVICE);
    if (at != 16 || size != 4) { fail(e, 11, 5, "nothing answers there"); return 0; }
    memcpy(into, "\0\0\0\7", 4);
    return 1;
}
int arv_device_write_memory(void *d, uint64_t at, uint32_t size, void *from, GError **e) {
    (void)d; (void)at; (void)size; (void)from; (void)e; return 0;
}

/* The stream. What each generation has is called as it calls it. */
static void *make(void *c, on_stream on, void *word) {
    checked(c, CAMERA);
    Object *s = calloc(1, sizeof *s);
    s->kind = STREAM;
    s->refs = 1;
    s->on = on;
    s->word = word;
    on(word, 0, NULL);
    return s;
}
#ifdef NEW
void *arv_camera_create_stream(void *c, on_stream on, void *word, void *destroy, GError **e) {
    if (destroy || *e) abort();
    return make(c, on, word);
}
#else
void *arv_camera_create_stream(void *c, on_stream on, void *word, GError **e) {
    if (!e || *e) abort(); /* Called with the arguments of another generation. */
    return make(c, on, word);
}
#ifndef OLD
void *arv_camera_create_stream_full(void *c, on_stream on, void *word, void *destroy, GError **e) {
    if (destroy || *e) abort();
    return make(c, on, word);
}
#endif
#endif

/* Each counter has a value of its own: its place in the list, a thousand times. One is no whole number, one is of no
 * version that is known. */
static const char *counters[] = {
    "n_ignored_bytes", "n_transferred_bytes", "n_duplicated_packets", "n_resend_disabled", "n_resend_ratio_reached",
    "n_resent_packets", "n_resend_requests", "n_ignored_packets", "n_error_packets", "n_missing_packets",
    "n_received_packets", "n_size_mismatch_errors", "n_missing_frames", "n_aborted", "n_timeouts", "n_underruns",
    "n_failures", "n_completed_buffers", "mean_rate", "n_new_things",
};
enum { COUNTERS = sizeof counters / sizeof *counters };
unsigned arv_stream_get_n_infos(void *s) { checked(s, STREAM); return COUNTERS; }
const char *arv_stream_get_info_name(void *s, unsigned n) { checked(s, STREAM); return n < COUNTERS ? counters[n] : NULL; }
size_t arv_stream_get_info_type(void *s, unsigned n) {
    checked(s, STREAM); return strcmp(counters[n], "mean_rate") ? 11 << 2 : 15 << 2;
}
uint64_t arv_stream_get_info_uint64(void *s, unsigned n) {
    checked(s, STREAM);
    if (!strcmp(counters[n], "mean_rate")) abort();
    return 1000 * (n + 1);
}

void *arv_buffer_new_full(size_t size, void *data, void *user, void *destroy) {
    if (destroy || size < 4 * BYTES) abort();
    Object *b = calloc(1, sizeof *b);
    b->kind = BUFFER;
    b->refs = 1;
    b->data = data;
    b->size = size;
    b->user = user;
    b->status = 1;
    return b;
}
void arv_stream_push_buffer(void *stream, void *buffer) {
    Object *s = checked(stream, STREAM);
    if (s->queued == MAX_QUEUED) abort();
    s->queue[s->queued++] = checked(buffer, BUFFER);
}

static size_t put_chunk(unsigned char *at, uint32_t id, const void *bytes, uint32_t length) {
    if (bytes) memcpy(at, bytes, length);
    unsigned char trailer[8] = { id >> 24, id >> 16, id >> 8, id, length >> 24, length >> 16, length >> 8, length };
    memcpy(at + length, trailer, 8);
    return length + 8;
}

void *arv_stream_try_pop_buffer(void *stream) {
    Object *s = checked(stream, STREAM);
    if (!s->queued) return NULL;
    Object *b = s->queue[0];
    memmove(s->queue, s->queue + 1, --s->queued * sizeof *s->queue);
    for (size_t i = 0; i < 4 * BYTES; i++) b->data[i] = (unsigned char)(i % 251 + 1);
    b->id = ++sent;
    b->status = 0;
    b->payload = 1;
    b->chunks = b->parts = 0;
    b->filled = BYTES;
    switch (scene) {
    case PADDED:
        b->filled = (WIDTH + 4) * HEIGHT;
        break;
    case CHUNKS:
    case BROKEN_CHUNKS:
        b->chunks = 1;
        b->filled = put_chunk(b->data, 1, NULL, BYTES);
        b->filled += put_chunk(b->data + b->filled, 2, "exposure", 8);
        b->filled += put_chunk(b->data + b->filled, 3, "gain", 4);
        if (scene == BROKEN_CHUNKS) b->data[b->filled - 4] = 0xFF;
        break;
    case PARTS: /* An image, what is no image, a confidence map; the last lies behind a gap. */
    case CHUNKS_FIRST:
        b->payload = 10;
        b->parts = 3;
        b->filled = BYTES + 12 + BYTES / 2;
        break;
    }
    return b;
}
void *arv_stream_timeout_pop_buffer(void *stream, uint64_t micros) { (void)micros; return arv_stream_try_pop_buffer(stream); }

/* A buffer. */
const void *arv_buffer_get_user_data(void *b) { return checked(b, BUFFER)->user; }
int arv_buffer_get_status(void *b) { return checked(b, BUFFER)->status; }
int arv_buffer_get_payload_type(void *b) { return checked(b, BUFFER)->payload; }
uint64_t arv_buffer_get_frame_id(void *b) { return checked(b, BUFFER)->id; }
void arv_buffer_set_frame_id(void *b, uint64_t id) { checked(b, BUFFER)->id = id; }
uint64_t arv_buffer_get_timestamp(void *b) { return 1000 * checked(b, BUFFER)->id; }
const void *arv_buffer_get_data(void *b, size_t *size) { if (size) *size = checked(b, BUFFER)->filled; return checked(b, BUFFER)->data; }
static void only_images(Object *b) { if (b->payload != 1) abort(); }
void arv_buffer_get_image_region(void *b, int *x, int *y, int *w, int *h) {
    only_images(checked(b, BUFFER)); *x = 0; *y = 0; *w = WIDTH; *h = HEIGHT;
}
uint32_t arv_buffer_get_image_pixel_format(void *b) { only_images(checked(b, BUFFER)); return 0x01080001; }
#ifndef OLD
int arv_buffer_has_chunks(void *b) { return checked(b, BUFFER)->chunks; }
void arv_buffer_get_image_padding(void *b, int *x, int *y) {
    only_images(checked(b, BUFFER)); *x = scene == PADDED ? 4 : 0; *y = 0;
}
unsigned arv_buffer_get_n_parts(void *b) { return checked(b, BUFFER)->parts; }
static int type_of(unsigned n) { return n == (scene == CHUNKS_FIRST ? 0u : 1u) ? 10 : n == 2 ? 9 : 1; }
const void *arv_buffer_get_part_data(void *b, unsigned n, size_t *size) {
    size_t at[] = { 0, BYTES, 2 * BYTES }, length[] = { BYTES, 12, BYTES / 2 };
    *size = length[n];
    return checked(b, BUFFER)->data + at[n];
}
unsigned arv_buffer_get_part_component_id(void *b, unsigned n) { (void)b; return 5 + n; }
int arv_buffer_get_part_data_type(void *b, unsigned n) { (void)b; return type_of(n); }
static void only_image_parts(unsigned n) { if (type_of(n) > 9) abort(); }
uint32_t arv_buffer_get_part_pixel_format(void *b, unsigned n) { (void)b; only_image_parts(n); return 0x01080001; }
void arv_buffer_get_part_region(void *b, unsigned n, int *x, int *y, int *w, int *h) {
    (void)b; only_image_parts(n); *x = 0; *y = 0; *w = WIDTH; *h = n == 2 ? HEIGHT / 2 : HEIGHT;
}
void arv_buffer_get_part_padding(void *b, unsigned n, int *x, int *y) { (void)b; only_image_parts(n); *x = 0; *y = 0; }
#endif

int arv_make_thread_realtime(int n) { (void)n; return 1; }
int arv_make_thread_high_priority(int n) { (void)n; return 1; }
