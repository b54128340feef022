/*  The overlay: frame guides and the camera's move, drawn as a viewfinder would, fixed to the
 *  frame. Everything stays clear of the top and the lower third, where the words are burnt in.
 */
#include "node/backends/animatic/paint.h"

#include <math.h>

#define WHITE 0xf6f3ea
#define EDGE 0.052 /* of the safe frame from the frame's edge */

/*  Strokes twice: a dark halo, then the light line, so that it reads on any ground. */
static void line (cairo_t *cr, double width, double alpha)
{
    anm_src (cr, anm_rgb (0x101218), 0.3 * alpha);
    cairo_set_line_width (cr, width * 2.4);
    cairo_stroke_preserve (cr);
    anm_src (cr, anm_rgb (WHITE), alpha);
    cairo_set_line_width (cr, width);
    cairo_stroke (cr);
}

static void paint_guides (cairo_t *cr, double hw, double hh)
{
    const double arm = 0.045;
    for (int sx = -1; sx <= 1; sx += 2) {
        for (int sy = -1; sy <= 1; sy += 2) { /* corners of the safe frame */
            double x = sx * (hw - EDGE), y = sy * (hh - EDGE);
            cairo_move_to (cr, x - sx * arm, y);
            cairo_line_to (cr, x, y);
            cairo_line_to (cr, x, y - sy * arm);
            line (cr, 0.0022, 0.5);
            x = sx * hw / 3; /* where the thirds cross */
            y = sy * hh / 3;
            cairo_move_to (cr, x - 0.008, y);
            cairo_line_to (cr, x + 0.008, y);
            cairo_move_to (cr, x, y - 0.008);
            cairo_line_to (cr, x, y + 0.008);
            line (cr, 0.0016, 0.26);
        }
    }
}

/*  A block arrow from (x, y) along an angle, growing out of a faint shaft. */
static void arrow (cairo_t *cr, double x, double y, double angle, double length, double alpha)
{
    double w = 0.0105, head = 0.034;
    cairo_save (cr);
    cairo_translate (cr, x, y);
    cairo_rotate (cr, angle);
    cairo_move_to (cr, 0, 0);
    cairo_line_to (cr, length - head, -w);
    cairo_line_to (cr, length - head, -0.024);
    cairo_line_to (cr, length, 0);
    cairo_line_to (cr, length - head, 0.024);
    cairo_line_to (cr, length - head, w);
    cairo_close_path (cr);
    anm_src (cr, anm_rgb (0x101218), 0.3 * alpha);
    cairo_set_line_width (cr, 0.005);
    cairo_stroke_preserve (cr);
    cairo_pattern_t *g = cairo_pattern_create_linear (0, 0, length, 0);
    anm_rgb_t c = anm_rgb (WHITE);
    cairo_pattern_add_color_stop_rgba (g, 0, c.r, c.g, c.b, 0.05);
    cairo_pattern_add_color_stop_rgba (g, 0.75, c.r, c.g, c.b, alpha);
    cairo_set_source (cr, g);
    cairo_fill (cr);
    cairo_pattern_destroy (g);
    cairo_restore (cr);
}

static void dashed_frame (cairo_t *cr, double hw, double hh)
{
    const double dash[] = {0.02, 0.014};
    cairo_set_dash (cr, dash, 2, 0);
    cairo_rectangle (cr, -hw, -hh, 2 * hw, 2 * hh);
    line (cr, 0.0022, 0.45);
    cairo_set_dash (cr, NULL, 0, 0);
}

/*  A dolly moves the frame in depth: solid arrows along the lines of perspective. A zoom only
 *  crops: a dashed inner frame with thin diagonals. */
static void paint_depth_move (cairo_t *cr, double hw, double hh, bool in, bool zoom)
{
    for (int sx = -1; sx <= 1; sx += 2) {
        for (int sy = -1; sy <= 1; sy += 2) {
            double ox = sx * (hw - 0.12), oy = sy * (zoom ? hh - 0.17 : 0.21), ix = sx * hw * 0.68,
                   iy = sy * (zoom ? hh * 0.5 : 0.125);
            double a = atan2 (iy - oy, ix - ox), len = hypot (ix - ox, iy - oy);
            if (zoom) {
                cairo_move_to (cr, ox, oy);
                cairo_line_to (cr, ix, iy);
                double tip = in ? a : a + 3.14159265, tx = in ? ix : ox, ty = in ? iy : oy;
                cairo_move_to (cr, tx - 0.026 * cos (tip - 0.45), ty - 0.026 * sin (tip - 0.45));
                cairo_line_to (cr, tx, ty);
                cairo_line_to (cr, tx - 0.026 * cos (tip + 0.45), ty - 0.026 * sin (tip + 0.45));
                line (cr, 0.0026, 0.5);
            } else {
                arrow (cr, in ? ox : ix, in ? oy : iy, in ? a : a + 3.14159265, len, 0.55);
            }
        }
    }
    if (zoom)
        dashed_frame (cr, hw * 0.68, hh * 0.5);
}

static void paint_hand (cairo_t *cr, double x, double y)
{
    cairo_move_to (cr, x, y - 0.07);
    cairo_curve_to (cr, x + 0.04, y - 0.05, x - 0.04, y - 0.03, x, y - 0.01);
    cairo_curve_to (cr, x + 0.04, y + 0.01, x - 0.04, y + 0.03, x, y + 0.05);
    cairo_curve_to (cr, x + 0.03, y + 0.065, x - 0.01, y + 0.075, x, y + 0.085);
    line (cr, 0.0036, 0.5);
}

static void paint_move (const anm_stage_t *stage, cairo_t *cr, double hw, double hh)
{
    const double pi = 3.14159265;
    double side = hw - EDGE - 0.02, dir = stage->camera.direction;
    switch (stage->camera.move) {
    case ANM_MOVE_STATIC:
        break;
    case ANM_MOVE_PAN_LEFT:
        arrow (cr, -side + 0.17, 0, pi, 0.17, 0.62);
        break;
    case ANM_MOVE_PAN_RIGHT:
        arrow (cr, side - 0.17, 0, 0, 0.17, 0.62);
        break;
    case ANM_MOVE_TILT_UP:
        arrow (cr, side - 0.01, 0.09, -pi / 2, 0.17, 0.62);
        break;
    case ANM_MOVE_TILT_DOWN:
        arrow (cr, side - 0.01, -0.09, pi / 2, 0.17, 0.62);
        break;
    case ANM_MOVE_DOLLY_IN:
    case ANM_MOVE_DOLLY_OUT:
        paint_depth_move (cr, hw, hh, stage->camera.move == ANM_MOVE_DOLLY_IN, false);
        break;
    case ANM_MOVE_ZOOM_IN:
    case ANM_MOVE_ZOOM_OUT:
        paint_depth_move (cr, hw, hh, stage->camera.move == ANM_MOVE_ZOOM_IN, true);
        break;
    case ANM_MOVE_TRACKING: /* on rails: two lines under the arrow */
        arrow (cr, dir > 0 ? side - 0.2 : -side + 0.2, 0, dir > 0 ? 0 : pi, 0.2, 0.62);
        for (int i = 0; i < 2; i++) {
            cairo_move_to (cr, dir > 0 ? side - 0.2 : -side, 0.038 + 0.014 * i);
            cairo_line_to (cr, dir > 0 ? side : -side + 0.2, 0.038 + 0.014 * i);
            line (cr, 0.0018, 0.4);
        }
        break;
    case ANM_MOVE_HANDHELD:
        paint_hand (cr, side, 0);
        break;
    }
}

void anm_paint_hud (anm_stage_t *stage, bool guides)
{
    double hw = stage->aspect / 2, hh = 0.5;
    anm_rect_t frame = {-hw, -hh, hw, hh};
    cairo_t *cr = anm_stage_open (stage, 0, &frame);
    if (guides)
        paint_guides (cr, hw, hh);
    paint_move (stage, cr, hw, hh);
    anm_stage_close (stage);
}
