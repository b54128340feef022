/*  The stage: a shot's camera and the layers that stand before it.
 *
 *  The camera moves as a real one does. A pan turns it, so that everything shifts alike; a dolly
 *  or tracking shot carries it, so that what is near moves more than what is far; a zoom magnifies
 *  everything alike. A layer is made large enough for everything the camera will see of it.
 */
#ifndef AUT_NODE_BACKENDS_ANIMATIC_STAGE_H
#define AUT_NODE_BACKENDS_ANIMATIC_STAGE_H

#include "node/backends/animatic/layer.h"

#define ANM_LAYERS_MAX 48

typedef enum {
    ANM_MOVE_STATIC,
    ANM_MOVE_PAN_LEFT,
    ANM_MOVE_PAN_RIGHT,
    ANM_MOVE_TILT_UP,
    ANM_MOVE_TILT_DOWN,
    ANM_MOVE_DOLLY_IN,
    ANM_MOVE_DOLLY_OUT,
    ANM_MOVE_TRACKING,
    ANM_MOVE_ZOOM_IN,
    ANM_MOVE_ZOOM_OUT,
    ANM_MOVE_HANDHELD
} anm_move_t;

typedef struct {
    anm_move_t move;
    double amount;    /* 1: as usual; slower or closer shots move less */
    double direction; /* +1 or -1: which way a tracking shot goes */
    double roll;      /* radians, of a tilted horizon */
    uint64_t seed;    /* of a hand's unrest */
} anm_camera_t;

/*  Where the camera is: carried by (x, y, z), turned by (pan_x, pan_y), at this zoom. */
typedef struct {
    double x, y, z, pan_x, pan_y, zoom;
} anm_pose_t;

typedef struct {
    int width, height; /* pixels of the frame */
    double aspect;
    double fps;
    uint32_t frames; /* of the whole shot */
    anm_camera_t camera;
    anm_layer_t *layers[ANM_LAYERS_MAX]; /* from back to front */
    int count;
    anm_rect_t rect;  /* what the open layer shows, in world units */
    int error;        /* the first that happened; drawing goes on without effect */
    cairo_t *cr;      /* of the open layer */
    double grain;     /* of the layers, in 1/255 */
    double soft;      /* how far what is behind the subject is out of focus, in world units */
    double near_soft; /* the same for what is close before the lens */
    uint64_t seed;
} anm_stage_t;

/*  0 at the first frame, 1 at the last, speeding up and slowing down at the ends. */
double anm_ease (double u);

/*  The camera at a frame of the shot (frames may lie between). */
anm_pose_t anm_camera_pose (const anm_stage_t *stage, double frame);
/*  `pose` as seen from `rest`: at `rest` the picture fills the frame. */
anm_pose_t anm_camera_relative (anm_pose_t pose, anm_pose_t rest);

void anm_stage_init (anm_stage_t *stage, int width, int height, double fps, uint32_t frames);
/*  Frees the layers. */
void anm_stage_clear (anm_stage_t *stage);

/*  What the camera sees of a plane at `depth` over the whole shot. */
anm_rect_t anm_stage_sees (const anm_stage_t *stage, double depth);
/*  The same where the picture fills the frame when the camera is at `rest`. */
anm_rect_t anm_stage_sees_from (const anm_stage_t *stage, double depth, anm_pose_t rest);

/*  Opens a layer at `depth` that covers all the camera sees of it (or, with `rect`, only that
 *  part), and gives its context; draw only after checking nothing: on an error it is a context
 *  without effect. Close it before the next is opened. */
cairo_t *anm_stage_open (anm_stage_t *stage, double depth, const anm_rect_t *rect);
/*  Ends the drawing; the layer, to set its motion or blending, is borrowed and may be NULL. */
anm_layer_t *anm_stage_close (anm_stage_t *stage);

/*  A smooth layer, painted by a function, at `detail` of the frame's density (0 … 1]. */
anm_layer_t *anm_stage_smooth (anm_stage_t *stage, double depth, const anm_rect_t *rect,
                               double detail, anm_paint_fn paint, const void *ctx);

/*  Joins neighbouring layers that never move against each other, so that a frame costs less. Call
 *  it after the last layer. */
void anm_stage_flatten (anm_stage_t *stage);

/*  Where layer `layer` is in the shot's frame `frame`. */
anm_view_t anm_stage_view (const anm_stage_t *stage, const anm_layer_t *layer, double frame);
/*  The same by a given pose. */
anm_view_t anm_stage_view_from (const anm_stage_t *stage, const anm_layer_t *layer, anm_pose_t pose,
                                double frame);

#endif
